// An enrolment in a process of its own, which ends itself by SIGKILL when an event comes. argv: home, address of the CA,
// its certificate, user, password, which event kills it (a number, from 1; 0: none).
import { readFileSync } from 'node:fs'
import { enroll, estProtocol } from '../../../src/enroll/index.ts'
import { openCard } from '../../../src/index.ts'

const [home = '', url = '', ca = '', user = '', password = '', at = '0'] = process.argv.slice(2)
const PIN = '135790'
const card = await openCard({ name: 'work', home })
await card.verifyPin(PIN)
let events = 0
const result = await enroll(card, {
  ca: estProtocol({ url, ca: readFileSync(ca, 'utf8'), credentials: { user, password: Buffer.from(password) } }),
  ...{ home, pin: PIN, renew: true, key: 'new', template: 'smartcard-user', subject: 'CN=alice' },
  onEvent: () => {
    events += 1
    if (events === Number(at)) process.kill(process.pid, 'SIGKILL')
  },
})
await card.close()
process.stdout.write(`${result.state} ${events}\n`)
