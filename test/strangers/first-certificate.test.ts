// takes: 30 s
// docs/first-certificate.md: its commands, exactly, one after the other in one shell; only the ports are others.
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SHELL_PROGRAM } from '../cli/cli.ts'
import { root } from '../runner/jobs.ts'
import { startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { file, ok } from './support/tools.ts'

const page = readFileSync(join(root, 'docs/first-certificate.md'), 'utf8')
const commands = [...page.matchAll(/^ {4}(.*)$/gm)].map(([, line = '']) => line)

/** The CA's, and the next one, for its list of revoked certificates. */
async function freePorts(): Promise<number> {
  for (;;) {
    const first = 30_000 + Math.floor(Math.random() * 2000)
    if ((await isFree(first)) && (await isFree(first + 1))) return first
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

test('every command of the page succeeds, and openssl and OpenSC agree', async () => {
  const pcscd = await startPcscd()
  const [folder, home] = [tempDir('page'), tempDir('home')]
  // From the sources: dist/ may be older.
  const program = join(folder, 'bin/tessera')
  mkdirSync(dirname(program))
  const written = file(`#!/bin/sh\nexec ${SHELL_PROGRAM} "$@"\n`)
  chmodSync(written, 0o700)
  const script = commands
    .join('\n')
    .replaceAll(':8443', `:${await freePorts()}`)
    .replaceAll(':35963', `:${pcscd.ports[0]}`)
  const env = { TESSERA_HOME: home, TESSERA_TCTI: 'embedded:', PATH: `${join(folder, 'bin')}:${process.env.PATH}` }
  try {
    const how = { env, ms: 110_000 }
    const begin = `set -eu\nln -s '${written}' '${program}'\ncd '${folder}'\n`
    const { stdout, all } = await ok('sh', ['-c', `${begin}${script}`], how)
    for (const said of [
      /^Card 'work' is made\.$/m,
      /^The PIN is changed\.$/m,
      /^The certificate of CN=maria is in slot 9a, valid until/m,
      /^Name: +My first$/m,
      /^UPN: +maria@lab\.example$/m,
      /^Taken by: .*ssh/m,
      /^9a {2}maria {2}ends in \d+ days$/m,
      /^The certificate of CN=maria is in slot 9c, valid until/m,
      /^Card 'work' is destroyed\./m,
    ]) {
      assert.match(stdout, said, all)
    }
    assert.is(stdout.match(/^(maria|signing)\.pem: OK$/gm)?.length, 3, all)
    assert.is(stdout.match(/^Verified OK$/gm)?.length, 2, all)
    assert.is(stdout.match(/^Certificate Object; type = X\.509 cert$/gm)?.length, 2, all)
  } finally {
    await pcscd.stop()
  }
})

test('the page has commands of both halves', () => {
  assert.ok(commands.length > 30)
  assert.ok(commands.some((line) => line.includes('reader:virtual enroll')))
})

test.run()
