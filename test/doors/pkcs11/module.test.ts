// `tessera pkcs11`: by a module file of p11-kit as a user has it, and on streams of a test.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../../src/bytes.ts'
import { PROGRAM, secretFile, tessera, tesseraProcess } from '../../cli/cli.ts'
import { library } from '../../strangers/support/opensc.ts'
import { tempDir, within } from '../../support/temp.ts'
import { frame, initialize, message } from './support/program.ts'

const PIN = '90417325'
const LIMIT_MS = 120_000
const home = tempDir('home')
Object.assign(process.env, { TESSERA_HOME: home, TESSERA_TCTI: 'embedded:' })
const pin = secretFile(join(home, 'pin'), PIN)

test.before(async () => {
  assert.is((await tessera(['create', 'work', '--pin', pin])).code, 0)
  assert.is((await tessera(['key', 'generate', '9a', '--pin-file', pin])).code, 0)
})

interface Ended {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

async function ended(child: ReturnType<typeof spawn>): Promise<Ended> {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
  child.stdout?.on('data', (piece: Buffer) => stdout.push(piece))
  child.stderr?.on('data', (piece: Buffer) => stderr.push(piece))
  const [code] = await within(once(child, 'close'), LIMIT_MS, 'the end')
  return { code: code as number | null, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }
}

const [node, ...words] = PROGRAM
const start = (...more: string[]) => spawn(node, [...words, ...more, 'pkcs11'], { stdio: 'pipe' })

/** The version and a program's first calls: the second is a login with a wrong PIN. */
const CALLS = Buffer.concat([
  Uint8Array.of(0),
  frame(1, message('C_Initialize', initialize)),
  frame(
    2,
    message('C_OpenSession', (request) => request.ulong(1).ulong(6)),
  ),
  frame(
    3,
    message('C_Login', (request) => request.ulong(1).ulong(1).byteArray(utf8('00004321'))),
  ),
])

/** Octets of the version and of these answers. */
const ANSWERED = 1 + 20 + 29 + 29

/** Ends the input when all was answered. */
function askAll(child: ReturnType<typeof start>): Promise<Ended> {
  let heard = 0
  child.stdout.on('data', (piece: Buffer) => {
    heard += piece.length
    if (heard >= ANSWERED) child.stdin.end()
  })
  child.stdin.write(CALLS)
  return ended(child)
}

test('it answers until its input ends, and says nothing else', async () => {
  const { code, stdout, stderr } = await askAll(start())
  assert.is(code, 0, stderr)
  assert.is(stdout[0], 0)
  const last = stdout.subarray(-8)
  assert.is(last.readUInt32BE(4), 0xa0)
  assert.is(stderr, '')
})

test('SIGTERM ends it, also while a program waits', async () => {
  const child = start()
  const end = ended(child)
  child.stdin.write(CALLS)
  await within(once(child.stdout, 'data'), LIMIT_MS, 'an answer')
  child.kill('SIGTERM')
  assert.is((await end).code, 0)
})

test('a card that is not there, and a terminal or a file instead of a program', async () => {
  const { code, stdout, stderr } = await askAll(start('--card', 'other'))
  assert.is(code, 0, stderr)
  assert.is(stdout.subarray(-8).readUInt32BE(4), 0xb3)
  const started = spawn(node, [...words, 'pkcs11'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const refused = await ended(started)
  assert.is(refused.code, 2)
  assert.match(refused.stderr, /tessera pkcs11 --module-file/)
})

/** Another user may pass through the folders of the tests. */
function openDoors(path: string): void {
  for (let folder = dirname(path); !['/tmp', '/dev/shm', '/'].includes(folder); folder = dirname(folder))
    chmodSync(folder, 0o711)
}

test('by a module file, as p11-kit finds it in the home of a user', async () => {
  const line = await tesseraProcess(['pkcs11', '--module-file'])
  assert.match(line.stdout, /^remote: \|.* pkcs11\n$/)
  const theirs = tempDir('theirs')
  const folder = join(theirs, '.config', 'pkcs11', 'modules')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tessera.module'), line.stdout)
  const env = { HOME: theirs, PATH: process.env.PATH, TESSERA_HOME: home, TESSERA_TCTI: 'embedded:', LC_ALL: 'C', PIN }
  const isRoot = process.getuid?.() === 0
  // p11-kit reads no configuration in root's home.
  const who = isRoot ? { uid: 65_534, gid: 65_534 } : {}
  const own = async (program: string, ...more: string[]) =>
    ended(spawn(program, more, { env, stdio: 'pipe', cwd: '/', ...who }))
  if (isRoot) {
    for (const path of [home, theirs]) openDoors(path)
    await ended(spawn('chown', ['-R', '65534:65534', home, theirs], { stdio: 'pipe' }))
    const reaches = await own('test', '-r', words[0] ?? '', '-a', '-w', home)
    if (reaches.code !== 0) return console.log('# skipped: by a module file: another user cannot read this checkout')
  }
  const proxy = ['--module', library('p11-kit-proxy.so'), '--token-label', 'work']
  const found = await own('pkcs11-tool', ...proxy, '--login', '--pin', 'env:PIN', '--list-objects')
  assert.is(found.code, 0, found.stderr)
  assert.match(found.stdout.toString(), /PIV AUTH key/)
  const tokens = await own('p11tool', '--list-tokens')
  assert.match(tokens.stdout.toString(), /token=work/)
})

test.run()
