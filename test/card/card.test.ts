// takes: 4 s
// `npm run test:card` on a card behind a real pcscd: what it refuses, what it sends, and what it finds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { NON_FEDERAL, writeChuid } from '../../src/piv/contents.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { secretFile } from '../cli/cli.ts'
import { certificateOf } from '../contract/x509.ts'
import { ADMIN_KEY, memoryCard, PIN, seen } from '../pcsc/cards.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { program } from '../support/program.ts'
import { tempDir, within } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'

const LIMIT_MS = 120_000
const folder = tempDir('secrets')
const file = (name: string, ...lines: string[]) => secretFile(join(folder, name), ...lines)
const PUK = 'open ?me'
const all = file('all', PIN, PUK, hex(ADMIN_KEY))

let pcscd: Pcscd
let inserted: Inserted
let card: ReturnType<typeof memoryCard>['card']
let guid = ''

test.before(async () => {
  pcscd = await startPcscd()
  const made = memoryCard()
  card = made.card
  guid = hex(card.cardId)
  const own = cardOver(made.channel)
  await own.authenticateAdmin(ADMIN_KEY)
  for (const slot of ['9a', '9c', '9d', '9e']) {
    const certificate = certificateOf(await own.generateKey(slot), slot)
    await own.putCertificate(slot, { certificate })
  }
  inserted = await insertCard(pcscd.ports[0], made.channel)
  await seen(pcscd.readers[0], true)
})
test.after(async () => {
  await inserted?.pull()
  await pcscd?.stop()
})

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What it sent to the card. */
  readonly sent: readonly Uint8Array[]
}

async function run(...argv: string[]): Promise<Run> {
  const before = inserted.commands.length
  const child = spawn(process.execPath, [...program('test/card/main.ts'), ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [code]] = await within(
    Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]),
    LIMIT_MS,
    argv.join(' '),
  )
  return { code, stdout, stderr, sent: inserted.commands.slice(before) }
}

const onCard = (...argv: string[]) => run('--reader', 'Virtual PCD', ...argv)
const snapshot = () => [
  [...card.keys.values()].map((key) => hex(key.spki)),
  [...card.objects].map(([tag, content]) => tag + hex(content)),
  card.pin.left,
  card.puk?.left,
  hex(card.pin.secret),
]
const WITH_PIN = [0x20, 0x24, 0x2c]
/** References of PINs that there are: global, card application, PUK. */
const REFERENCES = [0x00, 0x80, 0x81]
const bringsPin = (apdu: Uint8Array) =>
  WITH_PIN.includes(apdu[1] ?? 0) && REFERENCES.includes(apdu[3] ?? 0) && apdu.length > 5

test('no classes: the 77 are listed, and no card is touched', async () => {
  const { code, stdout, sent } = await run()
  assert.equal([code, sent.length], [0, 0])
  assert.match(stdout, 'Nothing was done.')
  assert.is(stdout.split('\n').filter((line) => /^ *\d+ [NPRW] {2}/.test(line)).length, 77)
  assert.equal((await onCard()).sent, [])
})

test('what is no run: exit code 2, nothing sent, nothing repeated that may be a secret', async () => {
  const open = file('open', PIN)
  chmodSync(open, 0o644)
  for (const argv of [
    ['--classes', 'N,X'],
    ['--classes', ''],
    ['--classes', 'P'],
    ['--classes', 'P', '--pin-file', join(folder, 'none')],
    ['--classes', 'P', '--pin-file', open],
    ['--classes', 'P', '--pin-file', file('bad', '12345')],
    ['--classes', 'R', '--pin-file', file('short', PIN), '--yes', guid],
    ['--classes', 'W', '--pin-file', file('no key', PIN, PUK), '--yes', guid],
    ['--classes', 'N', '--puk-tries', '0'],
    ['--classes', 'N', '--pin', PIN],
    ['--classes', 'N', PIN],
  ]) {
    const { code, stdout, stderr, sent } = await onCard(...argv)
    assert.equal([code, sent.length], [2, 0], argv.join(' '))
    assert.not(`${stdout}${stderr}`.includes(PIN), stderr)
  }
  assert.is((await run('--classes', 'N')).code, 2)
  assert.is((await run('--classes', 'N', '--reader', 'nobody')).code, 1)
})

test('class N: no PIN is sent, nothing is changed, and every assertion has its outcome', async () => {
  const before = snapshot()
  const { code, stdout, stderr, sent } = await onCard('--classes', 'N')
  assert.is(code, 0, stdout + stderr)
  assert.match(stdout, `Card:    ${guid}`)
  assert.match(stdout, /^42 of 77 assertions: 39 passed, 0 deviating, 3 not applicable, 0 failed; 35 not run$/m)
  assert.equal(sent.filter(bringsPin).map(hex), [])
  // Two commands that would write, and must be refused: aimed at the last retired slot, which is free.
  const writes = sent.filter((apdu) => [0xdb, 0x47].includes(apdu[1] ?? 0)).map(hex)
  assert.equal(writes, ['00db3fff075c035fc1205300', '00470095 05ac0380011100'.replace(' ', '')])
  assert.equal(snapshot(), before)
})

test('slot 95 in use: what would aim at it is left out; a damaged certificate is one failure', async () => {
  card.objects.set('5fc120', new Uint8Array(10))
  const { code, stdout, sent } = await onCard('--classes', 'N')
  card.objects.delete('5fc120')
  assert.is(code, 1, stdout)
  assert.match(stdout, /^ 14 N {2}failed .*\n +95: octet 0 begins no tag$/m)
  assert.match(stdout, / 36 passed, 0 deviating, 5 not applicable, 1 failed;/)
  assert.match(stdout, /^ 61 N {2}not applicable/m)
  assert.equal(
    sent.filter((apdu) => [0xdb, 0x47].includes(apdu[1] ?? 0)),
    [],
  )
})

test('class P: the PIN, and nothing that uses tries; a wrong one is tried once', async () => {
  const before = snapshot()
  const { code, stdout, sent } = await onCard('--classes', 'N,P', '--pin-file', file('pin', PIN))
  assert.is(code, 0, stdout)
  assert.match(stdout, ' 0 failed; ')
  const right = hex(Uint8Array.from(Buffer.from(PIN))).concat('ffff')
  assert.ok(sent.filter(bringsPin).every((apdu) => hex(apdu) === `0020008008${right}`))
  assert.equal(snapshot(), before)
  const wrong = await onCard('--classes', 'P', '--pin-file', file('wrong', '111111'))
  assert.equal([wrong.code, wrong.sent.filter(bringsPin).length], [1, 1])
  assert.match(wrong.stderr, 'The PIN is refused (63C4)')
  assert.is(card.pin.left, 4)
  card.pin.left = 1
  const last = await onCard('--classes', 'P', '--pin-file', file('pin', PIN))
  assert.equal([last.code, last.sent.filter(bringsPin).length], [1, 0])
  card.pin.left = 5
})

test('classes R and W: not without the name of the card, which the refusal says', async () => {
  const before = snapshot()
  for (const classes of ['R', 'W', 'N,P,R,W']) {
    for (const yes of [[], ['--yes', 'yes'], ['--yes', '0'.repeat(32)]]) {
      const { code, stderr, sent } = await onCard('--classes', classes, '--pin-file', all, ...yes)
      assert.is(code, 2, stderr)
      assert.match(stderr, `--yes ${guid}`)
      assert.equal(sent.filter((apdu) => ![0xa4, 0xcb, 0xc0].includes(apdu[1] ?? 0)).map(hex), [])
    }
  }
  for (const [what, ...lines] of [
    ['PUK', PIN, 'wrongPUK', hex(ADMIN_KEY)],
    ['admin key', PIN, PUK, '00'.repeat(24)],
    ['admin key', PIN, PUK, `3DES:${'00'.repeat(24)}`],
  ] as const) {
    const { code, stderr } = await onCard('--classes', 'W', '--pin-file', file(what, ...lines), '--yes', guid)
    assert.is(code, 1, stderr)
    assert.match(stderr, `The ${what} is refused`)
  }
  for (const text of ['3DES:', `3DES:${'00'.repeat(16)}`, `AES:${'00'.repeat(16)}`, '00'.repeat(20)]) {
    const { code, stderr } = await onCard('--classes', 'W', '--pin-file', file('odd', PIN, PUK, text), '--yes', guid)
    assert.is(code, 2, stderr)
    assert.match(stderr, '3DES: and 48 digits')
  }
  if (card.puk !== undefined) card.puk.left = 5
  assert.equal(snapshot(), before)
})

test('all classes: all 77, and the card has its PIN, PUK and tries as before', async () => {
  const { code, stdout, stderr } = await onCard('--classes', 'N,P,R,W', '--pin-file', all, '--yes', guid.toUpperCase())
  assert.is(code, 0, stdout + stderr)
  assert.match(stdout, /^77 of 77 assertions: 73 passed, 0 deviating, 4 not applicable, 0 failed; 0 not run$/m)
  assert.equal([card.pin.left, card.puk?.left, Buffer.from(card.pin.secret).toString()], [5, 5, PIN])
  assert.not(stdout.includes(PIN))
})

test('a card that fails: said with the step, and exit code 1', async () => {
  inserted.intercept = (apdu) => (apdu[1] === 0x05 ? Uint8Array.of(0x90, 0x00) : undefined)
  const { code, stdout } = await onCard('--classes', 'N')
  inserted.intercept = undefined
  assert.is(code, 1)
  assert.match(stdout, /^ 70 N {2}failed .*\n +step 1 \(00 05 00 00\): 9000 instead of 6D00$/m)
})

test('another card is put in meanwhile: it is left alone', async () => {
  let pins = 0
  inserted.intercept = (apdu) => {
    if (bringsPin(apdu)) pins += 1
    const chuid = { fascN: NON_FEDERAL, guid: new Uint8Array(16).fill(7), expiry: '20491231' }
    if (pins === 5) card.objects.set('5fc102', writeChuid(chuid))
    return undefined
  }
  const { code, stderr, sent } = await onCard('--classes', 'R', '--pin-file', all, '--yes', guid)
  inserted.intercept = undefined
  card.objects.delete('5fc102')
  assert.is(code, 1)
  assert.match(stderr, `Another card is in the reader now: ${'07'.repeat(16)}`)
  const last = sent.map(bringsPin).lastIndexOf(true)
  // The end of the assertion that was under way, then who it is.
  assert.ok(sent.length - last < 8, `${sent.length - last} commands`)
})

test.run()
