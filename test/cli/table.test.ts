// The argument table: every row builds, every command loads, and the contract's command lines are understood.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TEXT } from '../../src/cli/messages.ts'
import { GLOBAL_OPTIONS, OPTIONS, type Options } from '../../src/cli/options.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { COMMANDS } from '../../src/cli/table.ts'
import { filesBelow, root } from '../runner/jobs.ts'

const words = (line: string) => line.split(' ').filter((word) => word !== '')

/** What a command line comes to. */
function parse(line: string): { words: string; args: readonly string[]; options: Options } {
  let chosen: { words: string; args: readonly string[]; options: Options } | undefined
  const program = buildProgram(
    ({ row, args, options }) => {
      chosen = { words: row.words, args, options }
    },
    () => undefined,
  )
  program.parse(words(line), { from: 'user' })
  if (chosen === undefined) throw new Error(`no command was chosen: ${line}`)
  return chosen
}

test("every option has a text and is some command's, under its own name", () => {
  assert.equal(Object.keys(OPTIONS).sort(), Object.keys(TEXT.options).sort())
  const used = new Set([...GLOBAL_OPTIONS, ...COMMANDS.flatMap((row) => row.options ?? [])])
  assert.equal([...used].sort(), Object.keys(OPTIONS).sort())
  const commands = [
    buildProgram(
      () => undefined,
      () => undefined,
    ),
  ]
  for (const command of commands) {
    commands.push(...command.commands)
    const names = command.options
      .filter((option) => option.long !== '--version' && !option.hidden)
      .map((option) => option.attributeName())
    assert.equal(new Set(names).size, names.length)
    for (const name of names) assert.ok(name in OPTIONS, name)
  }
})

test('every command has a text, and every text a command', () => {
  assert.equal(COMMANDS.map((row) => row.words).sort(), Object.keys(TEXT.commands).sort())
})

for (const row of COMMANDS) {
  test(`tessera ${row.words}: takes the arguments that its row says`, async () => {
    const { run } = await row.load()
    const args = words(row.args ?? '').filter((arg) => !arg.includes('...'))
    assert.is(run.length - 1, args.length)
  })
}

test('every file of commands/ is in the table', () => {
  const files = filesBelow('src/cli/commands', ['.ts']).map((path) =>
    path.slice('src/cli/commands/'.length, -'.ts'.length),
  )
  assert.equal(files.sort(), COMMANDS.map((row) => row.words.replaceAll(' ', '-')).sort())
})

const understood: ReadonlyArray<readonly [string, string, readonly string[], Options]> = [
  ['create work', 'create', ['work'], {}],
  [
    'create work --tcti swtpm:port=1 --pin default --puk none --admin-key random --help-desk-key a.pem --pin-tries 3 --puk-tries 10 --must-change-pin --unlock-for 60',
    'create',
    ['work'],
    {
      tcti: 'swtpm:port=1',
      pin: 'default',
      puk: 'none',
      adminKey: 'random',
      helpDeskKey: 'a.pem',
      pinTries: 3,
      pukTries: 10,
      mustChangePin: true,
      unlockFor: 60,
    },
  ],
  ['--card work info', 'info', [], { card: 'work' }],
  ['info --card work', 'info', [], { card: 'work' }],
  ['info work --json', 'info', ['work'], { json: true }],
  ['--quiet list', 'list', [], { quiet: true }],
  ['destroy work --yes', 'destroy', ['work'], { yes: true }],
  ['destroy --owner-password-file f work', 'destroy', ['work'], { ownerPasswordFile: 'f' }],
  ['pin status', 'pin status', [], {}],
  ['pin verify --pin-file - --last-try', 'pin verify', [], { pinFile: '-', lastTry: true }],
  ['pin change --pin-file f', 'pin change', [], { pinFile: 'f' }],
  ['pin change-puk', 'pin change-puk', [], {}],
  ['pin unblock --help-desk', 'pin unblock', [], { helpDesk: true }],
  ['key generate 9a -a P-384 --pin-policy always', 'key generate', ['9a'], { algorithm: 'P-384', pinPolicy: 'always' }],
  ['key import 9d key.pem --pin-policy never', 'key import', ['9d', 'key.pem'], { pinPolicy: 'never' }],
  ['rename work desk', 'rename', ['work', 'desk'], {}],
  ['reset work --yes --owner-password-file f', 'reset', ['work'], { yes: true, ownerPasswordFile: 'f' }],
  ['admin-key change', 'admin-key change', [], {}],
  ['admin-key change random --admin-key-file k', 'admin-key change', ['random'], { adminKeyFile: 'k' }],
  ['admin-key protect --admin-key-file k', 'admin-key protect', [], { adminKeyFile: 'k' }],
  ['key move 9a retired-1 --yes', 'key move', ['9a', 'retired-1'], { yes: true }],
  [
    'decrypt 9d c -o p --encryption-padding oaep --hash SHA-512',
    'decrypt',
    ['9d', 'c'],
    { out: 'p', encryptionPadding: 'oaep', hash: 'SHA-512' },
  ],
  ['object list', 'object list', [], {}],
  ['object get chuid -o f', 'object get', ['chuid'], { out: 'f' }],
  ['object put 5fff01 -', 'object put', ['5fff01', '-'], {}],
  ['object delete 5fff01 --yes', 'object delete', ['5fff01'], { yes: true }],
  ['completion bash', 'completion', ['bash'], {}],
  ['completion bash -- --card wo', 'completion', ['bash', '--card', 'wo'], {}],
  ['key delete 9a --yes', 'key delete', ['9a'], { yes: true }],
  ['key attest 9a -o a.pem', 'key attest', ['9a'], { out: 'a.pem' }],
  [
    'attest 9a --nonce 00 --format webauthn-tpm --rp-id a.b',
    'attest key',
    ['9a'],
    { nonce: '00', evidenceFormat: 'webauthn-tpm', rpId: 'a.b' },
  ],
  ['attest verify e.json --roots r --nonce 00', 'attest verify', ['e.json'], { roots: 'r', nonce: '00' }],
  ['validate', 'validate run', [], {}],
  ['validate --card c --classes N,P --guid 00', 'validate run', [], { card: 'c', classes: 'N,P', guid: '00' }],
  ['validate --tpm embedded: -o d --resume', 'validate run', [], { tpm: 'embedded:', reportFolder: 'd', resume: true }],
  ['validate compare a b -o c', 'validate compare', ['a', 'b'], { out: 'c' }],
  ['trace show t', 'trace show', ['t'], {}],
  ['--trace t trace pcapng t -o p', 'trace pcapng', ['t'], { trace: 't', out: 'p' }],
  ['key list', 'key list', [], {}],
  ['key info signature', 'key info', ['signature'], {}],
  [
    'sign 9a - -o - --hash SHA-384 --signature-format raw --padding pss --log-level debug',
    'sign',
    ['9a', '-'],
    { out: '-', hash: 'SHA-384', signatureFormat: 'raw', padding: 'pss', logLevel: 'debug' },
  ],
  ['verify 9a README.md sig --hash sha-512', 'verify', ['9a', 'README.md', 'sig'], { hash: 'sha-512' }],
  ['help-desk respond 1234 --private-key p.pem', 'help-desk respond', ['1234'], { privateKey: 'p.pem' }],
  [
    'serve work spare --vpcd 127.0.0.1:35963 --unlock-for 5',
    'serve',
    ['work', 'spare'],
    { vpcd: '127.0.0.1:35963', serveUnlockFor: 5 },
  ],
  ['run -- pkcs11-tool -L --login', 'run', ['pkcs11-tool', '-L', '--login'], {}],
  ['--card work run --unlock-for 5 -- ssh -v host', 'run', ['ssh', '-v', 'host'], { card: 'work', serveUnlockFor: 5 }],
  ['serve work --pcsc', 'serve', ['work'], { pcsc: true }],
  ['serve work --vpcd-listen 35963', 'serve', ['work'], { vpcdListen: 35963 }],
  ['doctor --tcti device:/dev/tpm0', 'doctor', [], { tcti: 'device:/dev/tpm0' }],
]
for (const [line, command, args, options] of understood) {
  test(`understood: tessera ${line}`, () => {
    const chosen = parse(line)
    assert.is(chosen.words, command)
    assert.equal([...chosen.args], [...args])
    assert.equal({ ...chosen.options }, { ...options })
  })
}

const refused = [
  'sgin 9a f',
  'sign 9a',
  'sign 9a f g',
  'create',
  'create work --pin',
  'create work --pin-tries 0',
  'create work --pin-tries 11',
  'create work --pin-tries 3x',
  'create work --unlock-for 61',
  'create work --pni prompt',
  'key generate 9a --pin-policy sometimes',
  'sign 9a f --signature-format pem',
  'sign 9a f --padding oaep',
  'decrypt 9d f --encryption-padding pss',
  'rename work',
  'key move 9a',
  'object get',
  'completion',
  'help-desk respond 1234',
  'serve',
  'serve work --vpcd-listen 0',
  'serve work --vpcd-listen 65535',
  'list --last-try',
  'pin verify 123456',
  'pin',
  'key',
  '',
  '--log-level trace list',
]
for (const line of refused) {
  test(`refused: tessera ${line}`, () => assert.throws(() => parse(line)))
}

/** Modules below src/ that importing `path` loads: its value imports and theirs. */
function loadedBy(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  const source = readFileSync(join(root, 'src', path), 'utf8')
  for (const [, clause, name] of source.matchAll(/^(?:import|export)\s+([^'"]*?)\s*from\s+'(\.[^']+)'/gm)) {
    if (clause?.startsWith('type ') || name === undefined) continue
    loadedBy(new URL(name, `file:///${path}`).pathname.slice(1), seen)
  }
  return seen
}

test('starting the program loads no card, no TPM and no command', () => {
  const loaded = [...loadedBy('cli/main.ts')]
  assert.ok(loaded.includes('cli/program.ts') && loaded.includes('cli/table.ts'))
  assert.equal(
    loaded.filter((path) => /^(cards|native|index)\.ts$|^tpm\/|^piv\/host\/|^cli\/commands\//.test(path)),
    [],
  )
})

test.run()
