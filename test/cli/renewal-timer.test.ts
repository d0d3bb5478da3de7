// takes: 15 s
// Renewal by itself: the units that systemd gets, the command in them run as systemd runs it, and what is said of a failure.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORDS, startLab } from '../lab-ca/support.ts'
import { root } from '../runner/jobs.ts'
import { atExit, tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, secretFile, tessera } from './cli.ts'
import { Checker, type SchemaFile } from './schema.ts'
import { converse } from './terminal.ts'

// What systemd, a shell or JavaScript's replace() would act on.
const folder = join(tempDir('home'), `a b%h $HOME "q" 'r' \\ $$ $&`)
mkdirSync(folder)
const home = join(folder, 'tessera')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
process.env.XDG_CONFIG_HOME = folder
const pin = secretFile(join(folder, 'pin'), '135790')
const password = secretFile(join(folder, 'password'), PASSWORDS.alice)
const open = secretFile(join(folder, 'open'), '135790')
const fifo = join(folder, 'fifo')
spawnSync('mkfifo', ['-m', '600', fifo])
const units = join(folder, 'systemd/user')
const UNIT = 'tessera-renewal-work-9a'
const checker = new Checker(JSON.parse(readFileSync(join(root, 'docs/cli.schema.json'), 'utf8')) as SchemaFile)
const install = ['needs-renewal', '9a', '--install-timer']

async function run(code: number, ...argv: string[]): Promise<string> {
  const { code: found, stdout, stderr } = await tessera(argv)
  assert.is(found, code, `${argv.join(' ')}: ${stderr}`)
  return stdout + stderr
}

/** What a command answers with --json is as docs/cli.schema.json says. */
async function valid(command: string, ...argv: string[]): Promise<void> {
  assert.equal(checker.faults(command, JSON.parse(await run(0, ...argv, '--json'))), [])
}

/** The words of ExecStart= as systemd reads them: systemd.service(5), "Command lines". */
function execStart(): string[] {
  const [, line = ''] = /^ExecStart=(.*)$/m.exec(readFileSync(join(units, `${UNIT}.service`), 'utf8')) ?? []
  const words = Array.from(line.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, word = '']) =>
    word.replaceAll(/\\(.)/g, '$1').replaceAll('%%', '%'),
  )
  // It replaces no variables in the program itself.
  return words.map((word, index) => (index === 0 ? word : word.replaceAll('$$', '$')))
}

/** Starts the service, in an environment as bare as systemd's. */
async function startService() {
  const [program = '', ...words] = execStart()
  const unit = readFileSync(join(units, `${UNIT}.service`), 'utf8')
  const [, set = ''] = /^Environment="TESSERA_HOME=(.*)"$/m.exec(unit) ?? []
  const TESSERA_HOME = set.replaceAll(/\\(.)/g, '$1').replaceAll('%%', '%')
  const child = spawn(program, words, {
    env: { PATH: '/usr/bin:/bin', TESSERA_HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const forget = atExit(() => child.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [status, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  forget()
  return { status, stdout, stderr }
}

const serial = async () =>
  (JSON.parse(await run(0, 'cert', 'show', '9a', '--json')) as { serialNumber: string }).serialNumber
const atTerminal = async (line: string) => (await converse(`${SHELL_PROGRAM} ${line}`, [])).screen
const notes = () => readdirSync(join(home, 'enrolments')).filter((name) => name.endsWith('.renewal'))

const lab = await startLab()
test.after(() => lab.close().catch(() => undefined))
const login = ['--user', 'alice', '--password-file', password]
const at = () => ['--est', lab.url, '--ca-file', lab.certificateFile]

test('a timer is installed only where a renewal can work', async () => {
  await run(0, 'create', 'work', '--pin', pin)
  await run(8, ...install, '--pin-file', pin)
  await run(0, 'key', 'generate', '9a', '--pin-file', pin)
  await run(0, 'cert', 'self-sign', '9a', '--pin-file', pin)
  assert.match(await run(2, ...install, '--pin-file', pin), 'not known which CA')
  await run(0, 'enroll', '9a', '--renew', ...at(), ...login, '--pin-file', pin)
  assert.match(await run(2, ...install), '--pin-file FILE')
  for (const [option, other] of [
    ['--pin-file', '--password-file'],
    ['--password-file', '--pin-file'],
  ] as const) {
    const refused = async (path: string, why: string) =>
      assert.match(await run(2, ...install, other, pin, option, path), `${option} ${why}`)
    for (const path of ['-', '/dev/stdin', '/dev/fd/63', '/proc/self/fd/0', '/dev/null', folder, fifo])
      await refused(path, 'must name a file that stays')
    for (const mode of [0o644, 0o620, 0o602, 0o601]) {
      chmodSync(open, mode)
      await refused(open, `stays on disk, and others can read or write it (mode 0${mode.toString(8)})`)
    }
    assert.match(await run(12, ...install, other, pin, option, join(folder, 'none')), 'no such file')
  }
  assert.match(await run(2, ...install, '--pin-file', pin), '--password-file FILE')
  assert.match(await run(2, ...install, '--remove-timer', '--pin-file', pin), 'not both')
  const wrong = secretFile(join(folder, 'wrong'), '246802')
  await run(4, ...install, '--pin-file', wrong, '--password-file', password)
  await run(2, 'enroll', '9a', '--if-due', ...at(), '--pin-file', pin)
  assert.not(existsSync(units))
})

test('the units are those that systemd takes, and the timer is enabled', async () => {
  const said = await run(0, ...install, '--pin-file', pin, '--password-file', password)
  assert.match(said, `systemctl --user start ${UNIT}.timer`)
  assert.is(said.includes('nothing starts the timer'), !existsSync('/run/systemd/system'))
  assert.is(readlinkSync(join(units, 'timers.target.wants', `${UNIT}.timer`)), join(units, `${UNIT}.timer`))
  await valid('needs-renewal', ...install, '--pin-file', pin, '--password-file', password)
  await valid('enroll', 'enroll', '9a', '--renew', '--if-due', '--pin-file', pin, '--password-file', password)
  const service = readFileSync(join(units, `${UNIT}.service`), 'utf8')
  for (const secret of ['135790', PASSWORDS.alice ?? '']) assert.not.match(service, secret)
  const words = [
    '--card',
    'work',
    'enroll',
    '9a',
    '--renew',
    '--if-due',
    '--pin-file',
    pin,
    '--password-file',
    password,
    // Of this environment, which the service does not have.
    '--tcti',
    'embedded:',
  ]
  assert.equal(execStart().slice(2), words)
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) {
    console.log('# skipped: systemd-analyze verify: it is not installed')
    return
  }
  const files = ['service', 'timer'].map((kind) => join(units, `${UNIT}.${kind}`))
  const { status, stderr } = spawnSync('systemd-analyze', ['--user', '--man=no', 'verify', ...files], {
    encoding: 'utf8',
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
  })
  // It reads what the units depend on, too, which is the machine's.
  assert.equal([status, stderr.split('\n').filter((line) => line.includes(UNIT))], [0, []], stderr)
})

test('the service does nothing before it is time, and renews then', async () => {
  const before = await serial()
  const early = await startService()
  assert.is(early.status, 0, early.stderr)
  assert.match(early.stdout, 'Nothing is due')
  assert.is(await serial(), before)
  await run(0, ...install, '--pin-file', pin, '--password-file', password, '--within', '9000')
  const { status, stderr } = await startService()
  assert.is(status, 0, stderr)
  assert.is.not(await serial(), before)
  assert.equal(notes(), [])
})

test('a renewal that fails is told by the service, and by every command at a terminal until there is another certificate', async () => {
  await lab.close()
  const { status, stderr } = await startService()
  assert.is(status, 1, stderr)
  assert.match(stderr, 'ERR_CA_UNAVAILABLE')
  assert.is(notes().length, 1)
  for (const line of ['list', 'doctor', 'pin status']) {
    const screen = await atTerminal(line)
    assert.match(screen, /Warning: the certificate in slot 9a of card 'work' could not be renewed at \d{4}-/)
    assert.match(screen, 'tessera --card work enroll 9a --renew')
  }
  for (const line of ['list --json', 'list --quiet']) assert.not.match(await atTerminal(line), 'could not be renewed')
  assert.not.match(await run(0, 'list'), 'could not be renewed')
  // A card file that cannot be read just now may be the one.
  const card = join(home, 'cards/work.card')
  const content = readFileSync(card)
  writeFileSync(card, 'damaged')
  assert.not.match(await atTerminal('list'), 'could not be renewed')
  assert.is(notes().length, 1)
  writeFileSync(card, content)
  assert.match(await atTerminal('list'), 'could not be renewed')
  // The card has another name now; the certificate is the same.
  const remove = 'tessera --card work needs-renewal 9a --remove-timer.'
  assert.not.match(await run(0, 'rename', 'work', 'work'), 'timer')
  const renamed = await run(0, 'rename', 'work', 'office')
  assert.match(renamed, `still looks for card 'work'. Remove it: ${remove}`)
  assert.match(renamed, 'tessera --card office needs-renewal 9a --install-timer --pin-file FILE')
  assert.is((await startService()).status, 3)
  assert.match(await atTerminal('list'), "of card 'office' could not be renewed")
  assert.not.match(await run(0, 'rename', 'office', 'work'), 'timer')

  // One that is not understood is due, and a failure about it is told too.
  const garbage = join(folder, 'garbage')
  writeFileSync(garbage, 'no certificate')
  await run(0, 'object', 'put', 'certificate-9a', garbage, '--pin-file', pin)
  assert.not.match(await atTerminal('list'), 'could not be renewed')
  assert.equal(notes(), [])
  assert.is.not((await startService()).status, 0)
  assert.match(await atTerminal('list'), "the certificate in slot 9a of card 'work' could not be renewed")

  await run(0, 'cert', 'self-sign', '9a', '--yes', '--pin-file', pin)
  assert.not.match(await atTerminal('list'), 'could not be renewed')
  assert.equal(notes(), [])
})

test('removed, nothing of the timer is left', async () => {
  const said = await run(0, 'needs-renewal', '--remove-timer')
  assert.match(said, `systemctl --user stop ${UNIT}.timer`)
  assert.equal(readdirSync(units, { recursive: true }), ['timers.target.wants'])
  await run(0, ...install, '--pin-file', pin, '--password-file', password)
  await valid('needs-renewal', 'needs-renewal', '9a', '--remove-timer')
  assert.match(await run(2, 'needs-renewal', '--remove-timer'), 'No timer is installed')
})

test('a timer that has nothing to renew any more is named, with the command that removes it', async () => {
  const left = "a timer is still installed for slot 9a of card 'work', and has nothing to renew. Remove it: "
  const remove = '--card work needs-renewal 9a --remove-timer'
  await run(0, ...install, '--pin-file', pin, '--password-file', password)
  assert.match(await run(0, 'reset', 'work', '--yes'), `${left}tessera ${remove}.`)
  assert.match(await run(0, 'destroy', 'work', '--yes'), `${left}tessera ${remove}.`)
  await run(0, ...remove.split(' '))
  await run(0, 'create', 'work')
  assert.not.match(await run(0, 'destroy', 'work', '--yes'), 'timer')
})

test.run()
