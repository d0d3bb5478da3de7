// takes: 6 s
// `tessera validate --card` on a card behind a real pcscd: what it refuses, what it sends, and what it finds.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { NON_FEDERAL, writeChuid } from '../../src/piv/contents.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { readReport } from '../../src/validate/report.ts'
import { secretFile, tesseraProcess } from '../cli/cli.ts'
import { ADMIN_KEY, memoryCard, PIN, seen } from '../pcsc/cards.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { type Inserted, insertCard } from '../support/vpcd.ts'

const folder = tempDir('secrets')
const reports = join(folder, 'reports')
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

async function onCard(...argv: string[]): Promise<Run> {
  const before = inserted.commands.length
  const words = ['validate', '--card', 'reader:Virtual PCD', '--out', reports, '--only', 'edge,yubico', ...argv]
  const { code, stdout, stderr } = await tesseraProcess(words)
  return { code, stdout, stderr, sent: inserted.commands.slice(before) }
}

const report = () => readReport(readFileSync(join(reports, 'report.json')), 'report.json')
/** Checks of the card edge by verdict: of the 77, without those of Yubico. */
const counts = () => {
  const edge = report().results.filter(({ id }) => id.startsWith('edge.'))
  const count = (verdict: string) => edge.filter((one) => one.verdict === verdict).length
  return [count('pass'), count('deviates'), count('skipped'), count('fail')]
}
const failing = () =>
  report()
    .results.filter(({ verdict }) => verdict === 'fail')
    .map(({ id }) => id)
const saysOf = (id: string) => report().results.find((one) => one.id === id)?.says

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

test('--list: every check with its class and source, and no card is touched', async () => {
  const { code, stdout, sent } = await onCard('--list')
  assert.equal([code, sent.length], [0, 0])
  const edge = stdout.split('\n').filter((line) => line.startsWith('edge.'))
  assert.is(edge.length, 77)
  assert.ok(edge.every((line) => /^edge\.\d\d +[NPRW] .*(SP 800-7|ISO\/IEC 7816)/.test(line)))
})

test('what is no run: exit code 2, nothing sent, nothing repeated that may be a secret', async () => {
  for (const argv of [
    ['--classes', 'N,X'],
    ['--classes', 'T'],
    ['--classes', ''],
    ['--classes', 'N', '--puk-tries', '0'],
    ['--classes', 'N', '--pin', PIN],
    ['--classes', 'N', '--tpm', 'embedded:'],
  ]) {
    const { code, stdout, stderr, sent } = await onCard(...argv)
    assert.equal([code, sent.length], [2, 0], argv.join(' '))
    assert.not(`${stdout}${stderr}`.includes(PIN), stderr)
  }
  for (const [code, ...argv] of [
    [4, '--classes', 'P', '--pin-file', file('bad', '12345')],
    [2, '--classes', 'R', '--pin-file', file('short', PIN), '--guid', guid],
    [2, '--classes', 'W', '--pin-file', file('no key', PIN, PUK), '--guid', guid],
  ] as const) {
    const found = await onCard(...argv)
    assert.equal([found.code, found.sent.filter(bringsPin).length], [code, 0], found.stderr)
  }
})

test('class N: no PIN is sent, nothing is changed, and every assertion has its outcome', async () => {
  const before = snapshot()
  const { code, stdout, stderr, sent } = await onCard('--classes', 'N')
  assert.is(code, 0, stdout + stderr)
  assert.is(report().subject.facts.GUID, guid)
  assert.equal(counts(), [39, 0, 38, 0])
  assert.equal(failing(), [])
  assert.equal(sent.filter(bringsPin).map(hex), [])
  // Two commands that would write, and must be refused: aimed at the last retired slot, which is free.
  const writes = sent.filter((apdu) => [0xdb, 0x47].includes(apdu[1] ?? 0)).map(hex)
  assert.equal(writes, ['00db3fff075c035fc1205300', '00470095 05ac0380011100'.replace(' ', '')])
  assert.equal(snapshot(), before)
})

test('class N, of those with a name: nothing that brings a PIN or writes is sent, and nothing is changed', async () => {
  const before = snapshot()
  const { code, stdout, sent } = await onCard(
    '--classes',
    'N',
    '--only',
    'data,certificate,fips,key,chain,answer,pin,length',
  )
  assert.is(code, 0, stdout)
  assert.equal(sent.filter((apdu) => bringsPin(apdu) || [0xdb, 0x47, 0xf9].includes(apdu[1] ?? 0)).map(hex), [])
  assert.equal(snapshot(), before)
})

test('slot 95 in use: what would aim at it is left out; a damaged certificate is one failure', async () => {
  card.objects.set('5fc120', new Uint8Array(10))
  const { code, stdout, sent } = await onCard('--classes', 'N')
  card.objects.delete('5fc120')
  assert.is(code, 1, stdout)
  assert.match(stdout, /^failed {2}edge\.14 .*\n +95: octet 0 begins no tag$/m)
  assert.equal(counts(), [36, 0, 40, 1])
  assert.match(saysOf('edge.61') ?? '', /slot 95, which it aims at, is in use/)
  assert.equal(
    sent.filter((apdu) => [0xdb, 0x47].includes(apdu[1] ?? 0)),
    [],
  )
})

test('class P: the PIN, and nothing that uses tries; a wrong one is tried once', async () => {
  const before = snapshot()
  const { code, stdout, sent } = await onCard('--classes', 'N,P', '--pin-file', file('pin', PIN))
  assert.is(code, 0, stdout)
  assert.is(counts()[3], 0)
  const right = hex(Uint8Array.from(Buffer.from(PIN))).concat('ffff')
  assert.ok(sent.filter(bringsPin).every((apdu) => hex(apdu) === `0020008008${right}`))
  assert.equal(snapshot(), before)
  const wrong = await onCard('--classes', 'P', '--pin-file', file('wrong', '111111'))
  assert.equal([wrong.code, wrong.sent.filter(bringsPin).length], [4, 1])
  assert.match(wrong.stderr, 'The PIN is refused (63C4)')
  assert.is(card.pin.left, 4)
  card.pin.left = 1
  const last = await onCard('--classes', 'P', '--pin-file', file('pin', PIN))
  assert.equal([last.code, last.sent.filter(bringsPin).length], [7, 0])
  card.pin.left = 5
})

test('classes R and W: not without the name of the card, which the refusal says', async () => {
  const before = snapshot()
  for (const classes of ['R', 'W', 'N,P,R,W']) {
    for (const named of [[], ['--guid', 'yes'], ['--guid', '0'.repeat(32)]]) {
      const { code, stderr, sent } = await onCard('--classes', classes, '--pin-file', all, ...named)
      assert.is(code, 2, stderr)
      assert.match(stderr, `--guid ${guid}`)
      assert.equal(sent.filter((apdu) => ![0xa4, 0xcb, 0xc0].includes(apdu[1] ?? 0)).map(hex), [])
    }
  }
  for (const [what, exit, ...lines] of [
    ['PUK', 6, PIN, 'wrongPUK', hex(ADMIN_KEY)],
    ['admin key', 4, PIN, PUK, '00'.repeat(24)],
    ['admin key', 4, PIN, PUK, `3DES:${'00'.repeat(24)}`],
  ] as const) {
    const { code, stderr } = await onCard('--classes', 'W', '--pin-file', file(what, ...lines), '--guid', guid)
    assert.is(code, exit, stderr)
    assert.match(stderr, `The ${what} is refused`)
  }
  for (const text of ['3DES:', `3DES:${'00'.repeat(16)}`, `AES:${'00'.repeat(16)}`, '00'.repeat(20)]) {
    const { code, stderr } = await onCard('--classes', 'W', '--pin-file', file('odd', PIN, PUK, text), '--guid', guid)
    assert.is(code, 2, stderr)
  }
  if (card.puk !== undefined) card.puk.left = 5
  assert.equal(snapshot(), before)
})

test('all classes: all 77, and the card has its PIN, PUK and tries as before', async () => {
  const { code, stdout, stderr } = await onCard('--classes', 'N,P,R,W', '--pin-file', all, '--guid', guid.toUpperCase())
  assert.is(code, 0, stdout + stderr)
  assert.equal(counts(), [73, 0, 4, 0])
  assert.equal(failing(), [])
  assert.equal([card.pin.left, card.puk?.left, Buffer.from(card.pin.secret).toString()], [5, 5, PIN])
  assert.not(stdout.includes(PIN))
})

test('a card that fails: said with the step, and exit code 1', async () => {
  inserted.intercept = (apdu) => (apdu[1] === 0x05 ? Uint8Array.of(0x90, 0x00) : undefined)
  const { code, stdout } = await onCard('--classes', 'N')
  inserted.intercept = undefined
  assert.is(code, 1)
  assert.match(stdout, /^failed {2}edge\.70 .*\n +step 1 \(00 05 00 00\): 9000 instead of 6D00$/m)
})

test('another card is put in meanwhile: it is left alone', async () => {
  let pins = 0
  inserted.intercept = (apdu) => {
    if (bringsPin(apdu)) pins += 1
    const chuid = { fascN: NON_FEDERAL, guid: new Uint8Array(16).fill(7), expiry: '20491231' }
    if (pins === 5) card.objects.set('5fc102', writeChuid(chuid))
    return undefined
  }
  const { code, stdout, stderr, sent } = await onCard(
    '--classes',
    'R',
    '--only',
    'edge',
    '--pin-file',
    all,
    '--guid',
    guid,
  )
  inserted.intercept = undefined
  card.objects.delete('5fc102')
  assert.is(code, 1, stderr)
  const why = `Another card is in the reader now: ${'07'.repeat(16)}`
  assert.match(stdout, why)
  assert.match(saysOf('edge.39') ?? '', `Not run: ${why}`)
  const last = sent.map(bringsPin).lastIndexOf(true)
  // The end of the assertion that was under way, then who it is.
  assert.ok(sent.length - last < 8, `${sent.length - last} commands`)
})

test.run()
