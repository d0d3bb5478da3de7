// time limit: 1800 s
// The Node.js that Debian packages, which is linked with the OpenSSL of the system instead of having one inside.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../../strangers/support/tools.ts'
import { tempDir } from '../../support/temp.ts'
import { startReleased } from '../support/released.ts'

/** The first Debian whose Node.js is 20 or later. */
const SUITE = 'trixie'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Folder with that Node.js and the libraries that it needs, nothing else; from where this machine has its packages. */
function debianWithNode(): string {
  const apt = tempDir('apt')
  for (const name of ['lists/partial', 'archives/partial']) mkdirSync(join(apt, name), { recursive: true })
  const targets = ['indextargets', '--format', '$(LABEL) $(REPO_URI)', 'Created-By: Packages']
  const [, mirror = ''] = /^Debian (\S+)$/m.exec(execFileSync('apt-get', targets, { encoding: 'utf8' })) ?? []
  const source = { Types: 'deb', URIs: mirror, Suites: SUITE, Components: 'main', 'Signed-By': KEYRING }
  const text = Object.entries(source).map(([key, value]) => `${key}: ${value}\n`)
  writeFileSync(join(apt, 'debian.sources'), text.join(''))
  const settings = {
    'Dir::Etc::SourceList': join(apt, 'debian.sources'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(apt, 'lists'),
    'Dir::State::Status': '/dev/null',
    'Dir::Cache': apt,
    'Debug::NoLocking': '1',
  }
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  execFileSync('apt-get', ['-qq', ...options, 'update'], { stdio: 'ignore' })
  const words = ['-qq', ...options, '--download-only', '-y', '--no-install-recommends', 'install', 'nodejs']
  execFileSync('apt-get', words, { stdio: 'ignore' })
  const place = tempDir('debian')
  for (const name of readdirSync(join(apt, 'archives')).filter((name) => name.endsWith('.deb')))
    execFileSync('dpkg-deb', ['-x', join(apt, 'archives', name), place])
  for (const name of ['lib', 'lib64', 'bin']) symlinkSync(`usr/${name}`, join(place, name))
  for (const name of ['proc', 'dev', 'tmp', 'app']) mkdirSync(join(place, name))
  return place
}

const { registry, installed } = await startReleased()

test("Debian's Node.js: a signature", async () => {
  const folder = await installed(20)
  const place = debianWithNode()
  const there = [
    '--ro-bind',
    place,
    '/',
    '--bind',
    folder,
    '/app',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/tmp',
  ]
  const settings = { PATH: '/usr/bin', HOME: '/tmp', TESSERA_HOME: '/tmp/home', TESSERA_TCTI: 'embedded:' }
  const set = Object.entries(settings).flatMap(([name, value]) => ['--setenv', name, value])
  const node = (...words: string[]) =>
    run('bwrap', [...there, '--chdir', '/app', '--clearenv', ...set, 'node', ...words])
  assert.is((await node('-p', 'process.config.variables.node_shared_openssl')).stdout, 'true\n')
  const signed = await node('sign.mjs')
  assert.is(signed.stdout, 'verifies true\n', signed.all)
})

test.after(() => registry.stop())
test.run()
