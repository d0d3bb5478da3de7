// takes: 11 s
// The same card in a reader: a card in swtpm, through pcscd and vpcd. It is found in any reader, waited for, and taken out.
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openChannel } from '../../src/cards/index.ts'
import { openCard } from '../../src/index.ts'
import { accounts, forget, type SignInOptions, signIn, signInInBackground } from '../../src/signin/index.ts'
import { secretFile, tesseraProcess } from '../cli/cli.ts'
import { seen } from '../pcsc/cards.ts'
import { startServe } from '../serve/support/process.ts'
import { startPcscd } from '../support/pcscd.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { gate, tempDir, within } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'
import { ALICE, certify, makeCard, PIN, refusedWith, startLab, startRelyingParty } from './support.ts'

const [pcscd, swtpm, lab] = [await startPcscd(), await startSwtpm(), await startLab()]
const service = await startRelyingParty(lab)
/** Where the card lives, and where who signs in knows nothing of that. */
const [maker, home] = [tempDir('maker'), tempDir('home')]
await (await makeCard(lab, { home: maker, name: 'work', tcti: swtpm.tcti })).close()

let inserted: Inserted | undefined

async function insert(reader: 0 | 1 = 0): Promise<void> {
  inserted = await insertCard(pcscd.ports[reader], await openChannel({ name: 'work', home: maker, tcti: swtpm.tcti }))
  await seen(pcscd.readers[reader], true)
}

async function pull(reader: 0 | 1 = 0): Promise<void> {
  await inserted?.pull()
  await seen(pcscd.readers[reader], false)
}

test.after(async () => {
  await inserted?.pull()
  await Promise.all([service.stop(), lab.close()])
  await pcscd.stop()
  await swtpm.stop()
})

const asked: Array<string | undefined> = []
const pin: SignInOptions['pin'] = ({ card }) => {
  asked.push(card)
  return PIN
}
const place = { address: ALICE, home, pin }
const first = { ...place, service: service.url, ca: service.ca }
const verifies = () => inserted?.commands.filter((apdu) => apdu[1] === 0x20 && apdu.length > 6).length

for (const method of ['certificate', 'challenge'] as const) {
  test(`${method}: found by its certificate, signed in, and locked at the end`, async () => {
    await insert()
    const session = await signIn({ ...first, method })
    assert.equal([session.user, session.card.name], ['alice', `reader:${pcscd.readers[0]}`])
    assert.equal([asked.splice(0), verifies()], [[`reader:${pcscd.readers[0]}`], 1])
    const other = await openCard({ reader: pcscd.readers[0] })
    // By a challenge the card has done its part; by the certificate each new connection wants it.
    assert.is((await other.pinStatus()).verified, method === 'certificate')
    assert.match(await (await session.fetch('/')).text(), 'Signed in as alice')
    await session.signOut()
    assert.is((await other.pinStatus()).verified, false, 'nobody finds the card unlocked')
    await other.close()
    await pull()
  })

  test(`${method}: the same card in the other reader; not there, it is an error, or waited for`, async () => {
    const error = await refusedWith('ERR_CARD_REMOVED', signIn(place))
    assert.match(error.message, 'Insert it')
    const waiting = gate<string>()
    const signing = signIn({ ...place, onWait: ({ message }) => waiting.open(message) })
    assert.match(await within(waiting.promise, 120_000, 'it does not wait'), 'is in no reader')
    await insert(1)
    const session = await within(signing, 120_000, 'it does not sign in')
    assert.equal([session.card.name, session.how], [`reader:${pcscd.readers[1]}`, method])
    await session.signOut()
    await pull(1)
    asked.splice(0)
  })

  test(`${method}: taken out, it is signed out and told`, async () => {
    await insert()
    const session = await signIn(place)
    const ended = within(session.ended, 120_000, 'the session goes on')
    await pull()
    assert.is((await ended).reason, 'card-removed')
    await refusedWith('ERR_SIGNED_OUT', session.fetch('/'))
    const [account] = await accounts({ home })
    assert.ok(account && 'address' in account)
    assert.equal([account.signedIn, account.ended?.reason], [undefined, 'card-removed'])
    await service.saidLast('DELETE /session')
    asked.splice(0)
  })
}

test('taken out while the person is asked for the PIN: no try is spent, and nothing hangs', async () => {
  await forget(ALICE, { home })
  for (const method of ['certificate', 'challenge'] as const) {
    await insert()
    const out = async () => {
      await pull()
      return PIN
    }
    await refusedWith('ERR_CARD_REMOVED', within(signIn({ ...first, method, pin: out }), 120_000, method))
    assert.is(verifies(), 0)
    assert.equal(await accounts({ home }), [])
  }
})

test('taken out in the handshake, between the PIN and the signature', async () => {
  for (const method of ['certificate', 'challenge'] as const) {
    await insert()
    if (inserted !== undefined) inserted.intercept = (apdu) => (apdu[1] === 0x87 ? 'pull' : undefined)
    await refusedWith('ERR_CARD_REMOVED', within(signIn({ ...first, method }), 120_000, method))
    await seen(pcscd.readers[0], false)
    assert.equal(await accounts({ home }), [])
  }
})

test('waiting is given up', async () => {
  const [waiting, stop] = [gate(), new AbortController()]
  const signing = signIn({ ...first, onWait: () => waiting.open(), signal: stop.signal })
  await within(waiting.promise, 120_000, 'it does not wait')
  stop.abort(new Error('enough'))
  await within(
    signing.then(
      () => assert.unreachable(),
      ({ message }: Error) => assert.is(message, 'enough'),
    ),
    120_000,
    'it waits on',
  )
})

test('at the command line: waited for, told that it is taken out, in the foreground and in the background', async () => {
  const pins = secretFile(join(tempDir('pins'), 'pin'), PIN)
  const env = { TESSERA_HOME: home }
  const where = ['--service', service.url, '--ca-file', service.caFile, '--pin-file', pins, '--wait-for-card']
  const waiting = await startServe(['signin', ALICE, ...where], env)
  await waiting.says('Waiting for it (Ctrl-C to give up).')
  await insert()
  assert.match((await waiting.line()) ?? '', 'Signed in to')
  await pull()
  await waiting.says(`The card was removed, so ${ALICE} was signed out.`)
  // It ends by itself: this signal does nothing.
  assert.is(await waiting.stop('SIGCONT'), 3)
  const { pid } = await signInInBackground({
    ...place,
    async onWait() {
      await insert()
    },
  })
  await pull()
  const over = async () => {
    for (;;) {
      const [account] = await accounts({ home })
      if (account && 'address' in account && account.ended?.reason === 'card-removed') return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await within(over(), 120_000, `process ${pid} does not notice`)
  assert.is((await tesseraProcess(['signin', ALICE, '--pin-file', pins], { env })).code, 3)
  asked.splice(0)
})

test('a key that wants its PIN for every use', async () => {
  const card = await openCard({ name: 'work', home: maker, tcti: swtpm.tcti })
  await certify(card, lab, maker, '9c', 'bob')
  await card.close()
  await insert()
  asked.splice(0)
  for (const method of ['certificate', 'challenge'] as const) {
    const session = await signIn({ ...first, address: 'bob@lab.example', method })
    assert.equal([session.user, session.slot], ['bob', '9c'])
    assert.is(asked.splice(0).length, 1)
    assert.is((await session.fetch('/')).status, 200)
    await session.signOut()
  }
  await pull()
})

test.run()
