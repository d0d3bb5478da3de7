// takes: 12 s
// `tessera-card/testing`: a TPM, cards, a CA and doors for one test; programs of others use them, and nothing stays.
import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeCertificate } from '../../src/enroll/index.ts'
import type { CardError } from '../../src/errors.ts'
import { native } from '../../src/native.ts'
import { type CardLab, type CardLabOptions, cardLab } from '../../src/testing/index.ts'
import { root } from '../runner/jobs.ts'
import { knowing, OPENSC, secret } from '../strangers/support/opensc.ts'
import { ok, run } from '../strangers/support/tools.ts'
import { atExit, tempDir, within } from '../support/temp.ts'

const MESSAGE = Buffer.from('a message')
const P11_KIT = '/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so'

async function withLab(options: CardLabOptions, work: (lab: CardLab) => Promise<void>): Promise<void> {
  const lab = await cardLab(options)
  const folder = dirname(lab.home)
  try {
    await work(lab)
  } finally {
    await lab.close()
  }
  assert.not.ok(existsSync(folder), 'nothing stays')
}

const code = (work: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(work)
    .then(
      () => 'done',
      (error: CardError) => error.code,
    )

for (const tpm of ['embedded', 'swtpm'] as const) {
  test(`${tpm}: programs find the cards by PC/SC and by PKCS #11, and this process opens them`, () =>
    withLab({ tpm, cards: [{ name: 'work' }, { name: 'home', keys: { '9c': 'P-384' } }] }, async (lab) => {
      const { env } = lab
      const readers = await ok('pkcs11-tool', ['--module', OPENSC, '-L'], { env })
      for (const name of ['work', 'home']) assert.match(readers.stdout, `: ${lab.card(name).reader}\n`)
      const tokens = await ok('pkcs11-tool', ['--module', P11_KIT, '-L'], { env })
      assert.match(tokens.stdout, /token label +: work\n/)
      const card = await lab.card('work').open()
      const signature = await card.sign('9a', MESSAGE, { pin: lab.card('work').pin })
      assert.ok(signature.length > 0)
      assert.equal(
        (await (await lab.card('home').open()).keys()).map(({ slot, algorithm }) => [slot, algorithm]),
        [['9c', 'P-384']],
      )
    }))
}

test('a CA: certificates for logon, and the rest of it for the test', () =>
  withLab({ ca: true, cards: [{ name: 'work', certificate: 'smartcard-logon' }] }, async (lab) => {
    const found = await (await lab.card().open()).getCertificate('9a')
    assert.ok(found)
    const issued = new X509Certificate(found.certificate)
    assert.ok(issued.checkIssued(new X509Certificate(lab.ca.certificate)))
    const { purposes } = describeCertificate(found.certificate)
    assert.ok(purposes?.includes('smart-card-logon'), String(purposes))
    assert.match(lab.env.TESSERA_LAB_CA_URL ?? '', /^https:\/\/127\.0\.0\.1:\d+$/)
    assert.ok(
      lab.log().some((line) => line.includes('simpleenroll')),
      lab.log().join('\n'),
    )
  }))

test('what goes wrong for cards goes wrong here: taken out and put back, blocked, failing', () =>
  withLab({ cards: [{ name: 'work', certificate: 'self-signed' }] }, async (lab) => {
    const card = lab.card('work')
    const { env } = lab
    const list = async () => (await run('pkcs11-tool', ['--module', OPENSC, '-L'], { env })).stdout
    card.remove()
    assert.match(await list(), '(empty)')
    assert.not.match((await run('pkcs11-tool', ['--module', P11_KIT, '-L'], { env })).stdout, /token label +: work\n/)
    card.remove()
    card.insert()
    card.insert()
    assert.match(await list(), /token label +: work/)
    card.failNext(0x6581)
    const send = ['-r', '0', '--card-driver', 'default', '--send-apdu', '00:a4:04:00:05:a0:00:00:03:08:00']
    assert.match((await run('opensc-tool', send, { env })).all, 'SW1=0x65, SW2=0x81')
    assert.match((await run('opensc-tool', send, { env })).all, 'SW1=0x90, SW2=0x00')
    await card.block()
    const known = knowing({ PIN: card.pin })
    const words = ['--module', OPENSC, '--login', '--pin', secret('PIN'), '--list-objects']
    const login = await run('pkcs11-tool', words, { ...known, env: { ...known.env, ...env } })
    assert.match(login.all, 'CKR_PIN_LOCKED')
  }))

test('what is asked wrongly', async () => {
  const faults: ReadonlyArray<readonly [CardLabOptions, string]> = [
    [{ cards: [{ name: 'a/b' }] }, 'ERR_CARD_NAME'],
    [{ cards: [{ name: 'work', certificate: 'smartcard-logon' }] }, 'ERR_USAGE'],
    [{ cards: [{ name: 'work', pin: '12' }] }, 'ERR_PIN_FORMAT'],
    [{ cards: [{ name: 'work' }, { name: 'work' }] }, 'ERR_CARD_EXISTS'],
    [{ cards: [{ name: 'work', keys: { zz: 'P-256' } }] }, 'ERR_SLOT'],
  ]
  for (const [options, wanted] of faults) assert.is(await code(() => cardLab(options)), wanted)
  await withLab({}, async (lab) => {
    assert.is(await code(() => lab.card('other')), 'ERR_USAGE')
    assert.is(await code(() => lab.ca), 'ERR_USAGE')
    assert.is(await code(() => lab.card().failNext(7)), 'ERR_USAGE')
    assert.is(await code(() => lab.card().failNext(0x6f00, 0)), 'ERR_USAGE')
  })
})

/** A program that makes a lab in its TPM, does something and ends. */
const program = (tpm: string, then: string): readonly string[] => [
  '--input-type=module',
  '-e',
  `import { cardLab } from '${root}/dist/testing/index.js'
   const lab = await cardLab({ tpm: '${tpm}' })
   ${then}`,
]

test('eight processes at once with embedded TPMs, and eight labs of one process with swtpm', async () => {
  const opensc = `const { execFile } = await import('node:child_process')
    const { promisify } = await import('node:util')
    const { stdout } = await promisify(execFile)('opensc-tool', ['-l'], { env: { ...process.env, ...lab.env } })
    if (!stdout.includes(lab.card().reader)) throw new Error(stdout)
    await lab.close()`
  const processes = Promise.all(Array.from({ length: 8 }, () => run(process.execPath, program('embedded', opensc))))
  const labs = await Promise.all(Array.from({ length: 8 }, () => cardLab({ tpm: 'swtpm' })))
  try {
    assert.is(new Set(labs.map(({ home }) => home)).size, 8)
    for (const lab of labs) {
      const card = await lab.card().open()
      assert.ok((await card.sign('9a', MESSAGE, { pin: lab.card().pin })).length > 0)
    }
  } finally {
    await Promise.all(labs.map((lab) => lab.close()))
  }
  for (const { code, all } of await processes) assert.is(code, 0, all)
})

test('a second lab with an embedded TPM in one process is refused in words', () =>
  withLab({}, async () => assert.is(await code(() => cardLab()), 'ERR_TPM_BUSY')))

test('a lab whose process was killed is gone with the next one, and so is its swtpm', async () => {
  const words = program('swtpm', 'console.log(lab.home); setInterval(() => {}, 1000)')
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  atExit(() => child.kill('SIGKILL'))
  const [home] = (await within(once(child.stdout, 'data'), 120_000, 'the lab')) as [Buffer]
  const folder = dirname(home.toString().trim())
  assert.ok(existsSync(folder))
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  assert.ok(existsSync(folder))
  // One whose process has a number of another container is held, and stays.
  const elsewhere = join(dirname(folder), `tessera-lab-${child.pid}-elsewh`)
  mkdirSync(elsewhere)
  const held = native().lockFile(join(elsewhere, 'lock'))
  await withLab({}, async () => assert.not.ok(existsSync(folder)))
  assert.ok(existsSync(elsewhere))
  held?.release()
  // Nor is a link followed, which somebody else may have put there.
  const [own, link] = [tempDir('own'), join(dirname(folder), `tessera-lab-${child.pid}-linked`)]
  symlinkSync(own, link)
  await withLab({}, async () => assert.equal(readdirSync(own), []))
  rmSync(link)
  await withLab({}, async () => assert.not.ok(existsSync(elsewhere)))
  assert.equal(
    readdirSync(dirname(folder)).filter((name) => name.startsWith(`tessera-lab-${child.pid}-`)),
    [],
  )
})

test.run()
