// The process answers a failure until the work of its command has settled, whatever the command.
import { spawn, spawnSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { failureOf } from '../../src/cli/exit.ts'
import { OPTIONS, optionRow } from '../../src/cli/options.ts'
import { type Host, runAsProcess } from '../../src/cli/process.ts'
import { COMMANDS, type CommandRow } from '../../src/cli/table.ts'
import { root } from '../runner/jobs.ts'
import { tempDir, within } from '../support/temp.ts'
import { Sink, secretFile, tessera, tesseraProcess } from './cli.ts'

/** A command line that commander takes for this row. */
function lineOf({ words, args = '', options = [] }: CommandRow): string[] {
  const needed = options.filter((name) => optionRow(name).required)
  return [
    ...words.split(' '),
    ...args
      .split(' ')
      .filter((arg) => arg.startsWith('<'))
      .map(() => 'x'),
    ...needed.flatMap((name) => [OPTIONS[name].flags.split(' ')[0] ?? '', 'x']),
  ]
}

class FakeHost extends EventEmitter implements Host {
  exitCode: number | undefined
  readonly stdout = new Sink(false)
  readonly stderr = new Sink(false)
  exit: (code: number) => void = () => undefined
  readonly ended = new Promise<number>((resolve) => {
    this.exit = resolve
  })
}

for (const row of COMMANDS) {
  test(`tessera ${row.words}: a failure before its work, and its own result after`, async () => {
    const host = new FakeHost()
    let finish: (code: undefined) => void = () => undefined
    const begun = new Promise<void>((resolve) => {
      const run = () => {
        resolve()
        return new Promise<undefined>((settle) => {
          finish = settle
        })
      }
      const commands = COMMANDS.map((one) => ({ ...one, load: async () => ({ run }) }))
      runAsProcess(lineOf(row), commands, host)
    })
    await begun
    assert.is(host.exitCode, failureOf(row))
    assert.is.not(host.exitCode, 0)
    host.emit('beforeExit')
    assert.match(host.stderr.text(), 'did not finish')
    host.emit('exit', 0)
    assert.is(host.exitCode, failureOf(row))
    finish(undefined)
    assert.is(await host.ended, 0)
  })
}

const asProcess = async (...argv: string[]) => {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'test/cli/unsettled-child.ts'), ...argv])
  const ended = once(child, 'close') as Promise<[number | null]>
  const [[code], said] = await within(Promise.all([ended, text(child.stderr)]), 120_000, argv.join(' '))
  return { code, said }
}

for (const [line, code] of [
  ['enroll', 1],
  ['needs-renewal', 12],
] as const) {
  test(`as Node ends it: ${line} ends with ${code}`, async () => {
    const never = await asProcess('waits', line)
    assert.is(never.code, code)
    assert.match(never.said, 'Internal error: The command did not finish')
    assert.is(JSON.parse((await asProcess('waits', line, '--json')).said).error.code, 'ERR_INTERNAL')
    assert.is((await asProcess('throws', line)).code, code)
  })
}

test('a CA that answers 101: 10', async () => {
  const place = tempDir('switching')
  const [key, file] = [join(place, 'key.pem'), join(place, 'cert.pem')]
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', file]
  const names = ['-subj', '/CN=ca', '-addext', 'subjectAltName=IP:127.0.0.1']
  assert.is(spawnSync('openssl', ['req', '-x509', ...fresh, ...names]).status, 0)
  const server = createServer({ key: readFileSync(key), cert: readFileSync(file) }).listen(0, '127.0.0.1')
  // Raw, since Node's server sends no 101 that was not asked for.
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    )
  })
  await once(server, 'listening')
  process.env.TESSERA_HOME = join(place, 'home')
  process.env.TESSERA_TCTI = 'embedded:'
  const pin = secretFile(join(place, 'pin'), '135790')
  assert.is((await tessera(['create', 'work', '--pin', pin])).code, 0)
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const password = secretFile(join(place, 'password'), 'of maria')
  for (const ca of [
    ['--est', url],
    ['--certsrv', `${url}/certsrv`],
  ]) {
    const login = ['--user', 'maria', '--password-file', password, '--ca-file', file, '--pin-file', pin]
    const { code, stdout, stderr } = await tesseraProcess(['enroll', '9a', ...ca, ...login])
    assert.is(code, 10, stderr)
    assert.is(stdout, '')
    assert.match(stderr, 'tessera: ')
    await tesseraProcess(['enroll', '9a', '--abandon', '--yes', '--pin-file', pin])
  }
  server.close()
  server.closeAllConnections()
})

test.run()
