// takes: 30 s
// Command lines that messages and documents print, with a CA, a service or a reader, in the state in which they are printed.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ask, base64, makeRequest, PASSWORDS, startLab } from '../lab-ca/support.ts'
import { root } from '../runner/jobs.ts'
import { endServes, type ServeProcess, startServe } from '../serve/support/process.ts'
import { ALICE, PIN, startWorld } from '../signin/support.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { freePorts } from '../support/ports.ts'
import { tempDir } from '../support/temp.ts'
import { SERVICE_ADVICE, type ServiceState } from './advice.ts'
import { secretFile, startProgram, tessera, tesseraProcess } from './cli.ts'

process.env.TESSERA_TCTI = 'embedded:'
const { home, lab, service } = await startWorld()
const files = tempDir('advice')
writeFileSync(join(files, 'README.md'), 'read me')
const pin = secretFile(join(files, 'pin'), PIN)
const password = secretFile(join(files, 'password'), PASSWORDS.alice)
let pcscd: Pcscd

test.before(async () => {
  pcscd = await startPcscd()
})
test.after(() => pcscd?.stop())

/** A command that ends by itself with this exit code. */
async function run(code: number, line: string): Promise<string> {
  // A process that stays in the background needs one that starts it.
  const found = await (line.includes('--background') ? tesseraProcess : tessera)(line.split(' '))
  assert.is(found.code, code, `tessera ${line}: ${found.stderr}`)
  return found.stdout
}

const signIn = `signin ${ALICE} --service ${service.url} --ca-file ${service.caFile} --background --pin-file ${pin}`

type Values = Readonly<Record<string, string | number>>

/** What `{name}` in the typed line stands for in each state. */
const STATES: Readonly<Record<ServiceState, () => Promise<Values>>> = {
  async labCa() {
    process.env.TESSERA_HOME = tempDir('home')
    await run(0, `create work --pin ${pin}`)
    const waiting = await startLab({ pending: true })
    const handedIn = await ask(waiting, '/.well-known/est/simpleenroll', {
      user: 'alice',
      type: 'application/pkcs10',
      body: base64(makeRequest()),
    })
    assert.is(handedIn.status, 202)
    await waiting.close()
    return { est: lab.url, caFile: lab.certificateFile, directory: waiting.directory.path, new: tempDir('lab') }
  },
  async issued() {
    const values = await STATES.labCa()
    await run(0, `lab-ca approve 1 --directory ${values.directory}`)
    return values
  },
  async officer() {
    process.env.TESSERA_HOME = tempDir('home')
    await run(
      0,
      `lab-ca user add officer --enrolment-agent --directory ${lab.directory.path} --pin-file ${password} --yes`,
    )
    await run(0, `create desk --pin ${pin}`)
    return { est: lab.url, caFile: lab.certificateFile }
  },
  async agent() {
    const values = await STATES.officer()
    const login = `--user officer --password-file ${password} --template enrollment-agent`
    await run(0, `--card desk enroll 9a --est ${lab.url} --ca-file ${lab.certificateFile} ${login} --pin-file ${pin}`)
    return values
  },
  async enrolled() {
    process.env.TESSERA_HOME = tempDir('home')
    await run(0, `create work --pin ${pin}`)
    const login = `--user alice --password-file ${password} --template smartcard-user`
    await run(0, `enroll 9a --est ${lab.url} --ca-file ${lab.certificateFile} ${login} --pin-file ${pin}`)
    return { est: lab.url, caFile: lab.certificateFile }
  },
  async renamed() {
    const values = await STATES.enrolled()
    process.env.XDG_CONFIG_HOME = tempDir('config')
    await run(0, `needs-renewal 9a --install-timer --pin-file ${pin} --password-file ${password}`)
    await run(0, 'rename work office')
    return values
  },
  async service() {
    process.env.TESSERA_HOME = home
    return { service: service.url, serviceCaFile: service.caFile }
  },
  async account() {
    await STATES.signedIn()
    await run(0, 'signout')
    return {}
  },
  async signedIn() {
    process.env.TESSERA_HOME = home
    await run(0, signIn)
    return {}
  },
  async reader() {
    process.env.TESSERA_HOME = home
    return { vpcd: pcscd.ports[0], free: await freePorts(2) }
  },
  async served() {
    process.env.TESSERA_HOME = home
    const serve = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`])
    assert.match((await serve.line()) ?? '', 'Serving card')
    return {}
  },
}

/** Waits until it has said so, on standard output or standard error, and tells it to stop. */
async function runUntil(code: number, line: string, until: string): Promise<void> {
  if (until === 'not in a reader') {
    const serve: ServeProcess = await startServe(line.split(' '))
    await serve.says(until)
    assert.is(await serve.stop('SIGTERM'), code, serve.stderr())
    return
  }
  const running = await startProgram(line.split(' '))
  assert.match(running.firstLine, until)
  assert.is(await running.stop(), code, line)
}

test.before.each(() => process.chdir(files))
test.after.each(async () => {
  process.chdir(root)
  await endServes()
  process.env.TESSERA_HOME = home
  await tessera(['forget', ALICE, '--yes'])
})

for (const { line, state, typed = line, code = 0, until } of SERVICE_ADVICE) {
  test(`${state}: tessera ${line}`, async () => {
    const values: Values = { pin, password, ...(await STATES[state]()) }
    const whole = typed.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]))
    if (until === undefined) await run(code, whole)
    else await runUntil(code, whole, until)
  })
}

test.run()
