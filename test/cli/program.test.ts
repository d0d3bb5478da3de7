// The program as a whole, as far as it goes without a card.
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { tempDir, within } from '../support/temp.ts'
import { PROGRAM, secretFile, tessera, tesseraProcess } from './cli.ts'
import { converse } from './terminal.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
delete process.env.TESSERA_TCTI
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

test('--version and --help', async () => {
  assert.equal(await tessera(['--version']).then(({ code, stdout }) => [code, stdout]), [0, `${version}\n`])
  for (const line of [['--help'], ['help'], ['pin', '--help'], ['help', 'pin', 'change'], ['sign', '--help']]) {
    const { code, stdout, stderr } = await tessera(line)
    assert.is(code, 0, line.join(' '))
    assert.match(stdout, 'Usage: tessera')
    assert.is(stderr, '')
  }
  for (const [line, usage] of [
    ['help pin unblock', 'Usage: tessera pin unblock'],
    ['help pin', 'Usage: tessera pin '],
    ['help lab-ca user add', 'Usage: tessera lab-ca user add'],
  ] as const) {
    assert.ok((await tessera(line.split(' '))).stdout.startsWith(usage), line)
  }
  const { stdout } = await tessera(['--help'])
  for (const word of [
    'create',
    'doctor',
    'help-desk',
    '--pin-file',
    'Exit codes',
    '11   the CA has not decided',
    'TESSERA_HOME',
  ])
    assert.match(stdout, word)
  assert.match((await tessera(['pin', 'change', '--help'])).stdout, '--pin-file')
})

test('help in words, in the program as it ships', async () => {
  const own = tempDir('help')
  for (const [line, code, said] of [
    ['help', 0, /^Usage: tessera \[options\] \[command\]/],
    ['pin help', 0, /^Usage: tessera pin \[options\]/],
    ['pin help unblock', 0, /^Usage: tessera pin unblock/],
    ['help destroy work --yes', 0, /^Usage: tessera destroy/],
    ['help lab-ca --json', 0, /^Usage: tessera lab-ca/],
    ['help foo', 2, /unknown command 'foo'/],
    ['help pin unblok', 2, /Did you mean unblock/],
    ['help lab-ca strt', 2, /too many arguments/],
    ['create help', 0, /Card 'help' was created/],
  ] as const) {
    const found = await tesseraProcess(line.split(' '), { env: { TESSERA_TCTI: 'embedded:', TESSERA_HOME: own } })
    assert.is(found.code, code, `${line}: ${found.stderr}`)
    assert.match(code === 0 ? found.stdout : found.stderr, said, line)
  }
})

const usage: ReadonlyArray<readonly [string, string]> = [
  ['sgin 9a f', 'Did you mean sign?'],
  ['pin chnage', 'Did you mean change?'],
  ['sign 9a f --hsah SHA-256', 'Did you mean --hash?'],
  ['run pkcs11-tool -L', 'put -- before the program'],
  ['lab pytest -x', 'put -- before the program'],
  ['sign 9a', "missing required argument 'file'"],
  ['create x --pin-tries 11', 'a whole number from 1 to 10'],
  ['key generate 9a --pin-policy sometimes', 'never, once, always'],
  ['key generate 9z', "There is no slot '9z'"],
  ['key generate 9a -a RSA-1024', 'RSA-2048'],
  ['sign 9a f --hash MD5', 'SHA-256'],
  ['help-desk respond 1', '--private-key'],
  ['create x --pin-file f', '--pin FILE'],
  ['pin', 'No command was given'],
]
for (const [line, expected] of usage) {
  test(`usage: tessera ${line}`, async () => {
    const { code, stdout, stderr } = await tessera(line.split(' '))
    assert.is(code, 2)
    assert.is(stdout, '')
    assert.match(stderr, expected)
  })
}

test('usage errors are JSON too', async () => {
  for (const line of [['--json', 'sgin'], ['pin', '--json'], ['--json'], ['key', 'generate', '9z', '--json']]) {
    const { code, stdout, stderr } = await tessera(line)
    assert.is(code, 2)
    assert.is(stdout, '')
    const { error } = JSON.parse(stderr)
    assert.ok(['ERR_USAGE', 'ERR_SLOT'].includes(error.code))
    assert.not.match(error.message, 'Usage:')
  }
})

test('no card', async () => {
  assert.equal(await tessera(['list', '--json']).then(({ code, stdout }) => [code, stdout]), [0, '[]\n'])
  assert.match((await tessera(['list'])).stdout, 'tessera create NAME')
  for (const line of [
    'info',
    'pin status',
    'key list',
    'key info 9a',
    'key delete 9a',
    'info --card nobody',
    'info nobody',
  ]) {
    const { code, stderr } = await tessera([...line.split(' '), '--json'])
    assert.is(code, 3, line)
    assert.is(JSON.parse(stderr).error.code, 'ERR_CARD_NOT_FOUND')
  }
  assert.is((await tessera(['destroy', 'nobody', '--yes'])).code, 3)
})

test('a card in a reader where only one in the TPM will do, and a bad name, which is a usage error', async () => {
  assert.is((await tessera(['rename', 'reader:Yubico', 'work'])).code, 8)
  for (const name of ['../work', 'a/b', '', '.', '-x y'])
    assert.is((await tessera(['info', '--card', name])).code, 2, name)
})

test('a PIN on the command line is refused and never repeated', async () => {
  for (const line of [
    'pin 135790',
    'pin verify 135790',
    'create x --pin 135790',
    'create x --puk 13579024',
    '135790',
  ]) {
    for (const flags of [[], ['--json'], ['--log-level', 'debug']]) {
      const { code, stdout, stderr } = await tessera([...line.split(' '), ...flags])
      assert.ok(code === 2 || code === 1, line)
      assert.not.match(stdout + stderr, '135790', line)
    }
  }
})

test('one standard input for one reader', async () => {
  const { code, stderr } = await tessera(['verify', '9a', '-', '-'])
  assert.is(code, 2)
  assert.match(stderr, 'Standard input')
})

test('a signature is not written to a terminal, nor twice to standard output', async () => {
  assert.is((await tessera(['sign', '9a', 'f'], { tty: true })).code, 2)
  assert.is((await tessera(['sign', '9a', 'f', '--json', '-o', '-'])).code, 2)
})

test('files that are not there are named', async () => {
  const missing = join(home, 'no-such-file')
  for (const line of [
    ['sign', '9a', missing],
    ['key', 'import', '9a', missing],
    ['sign', '9a', home],
  ]) {
    const { code, stderr } = await tessera(line)
    assert.is(code, 1)
    assert.match(stderr, line[line.length - 1] ?? '')
  }
})

test('a private key for --help-desk-key is refused', async () => {
  const path = join(home, 'private.pem')
  spawnSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', path])
  const refused = await tessera(['create', 'x', '--help-desk-key', path])
  assert.is(refused.code, 2)
  assert.match(refused.stderr, 'must not come to this machine')
  writeFileSync(path, 'nothing of the kind')
  assert.is((await tessera(['create', 'x', '--help-desk-key', path])).code, 2)
})

test('malformed secrets in files are found before a TPM is looked for', async () => {
  const pin = secretFile(join(home, 'pin'), '12345')
  assert.is((await tessera(['create', 'x', '--pin', pin])).code, 4)
  assert.is((await tessera(['create', 'x', '--puk', pin])).code, 6)
  assert.is((await tessera(['create', 'x', '--admin-key', pin])).code, 2)
})

test('as a process: the exit code and the streams', async () => {
  const { code, stdout, stderr } = await tesseraProcess(['info', '--json'])
  assert.is(code, 3)
  assert.is(stdout, '')
  assert.is(JSON.parse(stderr).error.code, 'ERR_CARD_NOT_FOUND')
})

test('a reader that goes away at once is no exception', async () => {
  const [node, ...words] = PROGRAM
  const child = spawn(node, [...words, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  assert.is(await within(ended, 120_000, 'tessera --help'), 1)
  assert.is(stderr, '')
})

test('on a terminal, help is shown', async () => {
  const { screen, code } = await converse(`${PROGRAM.map((word) => `'${word}'`).join(' ')} --help`, [])
  assert.is(code, 0)
  assert.match(screen, 'Usage: tessera')
})

test('bin/tessera runs dist, and says what to do where there is none', () => {
  const { program, folder } = ownBin()
  const before = spawnSync(program, ['list'], { encoding: 'utf8' })
  assert.is(before.status, 1)
  assert.match(before.stderr, 'dist/ is not built')
  assert.is(before.stderr.trim().split('\n').length, 1)
  mkdirSync(join(folder, 'dist'))
  writeFileSync(join(folder, 'dist', 'tessera.cjs'), 'console.log(process.argv.slice(2)); process.exit(3)')
  const after = spawnSync(program, ['list'], { encoding: 'utf8' })
  assert.is(after.status, 3)
  assert.match(after.stdout, 'list')
})

test('what was compiled ahead of time serves, and is no worse than nothing where it does not', () => {
  const { program, folder } = ownBin()
  const make = () => spawnSync(process.execPath, [join(folder, 'bin', 'code-cache.js')], { encoding: 'utf8' })
  assert.equal([make().status, existsSync(join(folder, 'dist'))], [0, false], 'nothing to do in what is not built')
  mkdirSync(join(folder, 'dist'))
  const file = join(folder, 'dist', 'tessera.cjs')
  // That V8 takes it shows in that it does not look at the text, of which it compares the length alone.
  writeFileSync(file, 'const say = () => console.log("ahead"); Promise.resolve().then(say)')
  assert.is(make().status, 0)
  writeFileSync(file, 'const say = () => console.log("today"); Promise.resolve().then(say)')
  const said = (...flags: string[]) => spawnSync(process.execPath, [...flags, program], { encoding: 'utf8' }).stdout
  assert.is(said(), 'ahead\n')
  assert.is(said('--no-opt'), 'today\n', 'of other settings')
  for (const spoilt of [new Uint8Array(0), new Uint8Array(1000), readFileSync(`${file}.cache`).subarray(0, 200)]) {
    writeFileSync(`${file}.cache`, spoilt)
    assert.is(said(), 'today\n')
  }
})

test('the first start writes what V8 made of the program, the second takes it', () => {
  const { program, folder } = ownBin()
  mkdirSync(join(folder, 'dist'))
  const file = join(folder, 'dist', 'tessera.cjs')
  const said = () => spawnSync(process.execPath, [program], { encoding: 'utf8' }).stdout
  writeFileSync(file, 'console.log("first"); process.exit(0)')
  assert.is(said(), 'first\n')
  assert.equal(readdirSync(join(folder, 'dist')), ['tessera.cjs', 'tessera.cjs.cache'])
  // Whoever may read the program may read that, and nobody else than its owner writes what V8 will run.
  chmodSync(file, 0o644)
  for (const umask of ['077', '000']) {
    rmSync(`${file}.cache`)
    spawnSync('sh', ['-c', `umask ${umask}; exec '${process.execPath}' '${program}'`])
    assert.is(statSync(`${file}.cache`).mode & 0o777, 0o644, umask)
  }
  writeFileSync(file, 'console.log("other"); process.exit(0)')
  assert.is(said(), 'first\n', 'V8 compares the length of the text alone')
})

/** bin/ in a folder of its own. */
function ownBin(): { readonly program: string; readonly folder: string } {
  const folder = tempDir('bin')
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  return { program: join(folder, 'bin', 'tessera'), folder }
}

test.run()
