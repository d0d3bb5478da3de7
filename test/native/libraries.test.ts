// takes: 3 s
// The shared libraries: which OpenSSL each of them uses, and what is said where one is missing or too old.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { inProcess } from './support/elsewhere.ts'

const USE = `
  const tpm = await open(given.tcti, given.state).catch((error) => void say([error.layer, error.reason, error.message].join('|')))
  if (tpm) { await tpm.run([random]); await tpm.close(); say('works') }`

/** What opening `tcti` says in a process that finds `files` before the libraries of the system. */
async function sayWith(files: string, tcti: string): Promise<string> {
  const given = { tcti, state: join(tempDir('state'), 'state') }
  const { code, signal, lines } = await inProcess(USE, given, { LD_LIBRARY_PATH: files })
  assert.equal([code, signal, lines.length], [0, null, 1], lines.join('\n'))
  return lines[0] ?? ''
}

/** A directory with empty files under the names of this library: the loader stops there. */
function without(library: string): string {
  const path = tempDir('lib')
  for (const name of [library, library.replace(/\.\d$/, '')]) writeFileSync(join(path, name), '')
  return path
}

test('libtpms uses the libcrypto of the system, and nothing of the OpenSSL inside Node; the addon the other way', async () => {
  if (process.env.TESSERA_ADDON !== undefined) {
    console.log('# skipped: bindings: sanitizer runtimes refuse RTLD_DEEPBIND')
    return
  }
  const output = join(tempDir('debug'), 'bindings')
  const given = { tcti: 'embedded:', state: join(tempDir('state'), 'state') }
  const environment = { LD_DEBUG: 'bindings', LD_DEBUG_OUTPUT: output }
  assert.equal((await inProcess(USE, given, environment)).lines, ['works'])
  const folder = join(output, '..')
  const text = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const bound = [...text.join('').matchAll(/binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `(\w+)'/g)].map(
    ([, from = '', to = '', symbol = '']) => ({ from: from.replace(/^.*\//, ''), to: to.replace(/^.*\//, ''), symbol }),
  )
  const openssl = /^(EVP|BN|EC|RSA|AES|HMAC|SHA|DES|OPENSSL|OSSL|CRYPTO|ERR|RAND|ECDSA|ECDH|Camellia|CMAC)_/
  const of = (library: RegExp) => bound.filter(({ from, symbol }) => library.test(from) && openssl.test(symbol))
  const libtpms = of(/^libtpms\.so/)
  assert.ok(libtpms.length > 100, `${libtpms.length} functions of OpenSSL`)
  assert.equal(
    libtpms.filter(({ to }) => !/^libcrypto\.so\.3$/.test(to)),
    [],
  )
  const addon = of(/^tessera\.node$/)
  assert.ok(addon.length > 20, `${addon.length} functions of OpenSSL`)
  assert.equal([...new Set(addon.map(({ to }) => to))], [process.execPath.replace(/^.*\//, '')])
})

const MISSING: ReadonlyArray<readonly [library: string, tcti: string, package_: string]> = [
  ['libtss2-sys.so.1', 'embedded:', 'libtss2-sys1'],
  ['libtss2-mu.so.0', 'embedded:', 'libtss2-sys1'], // which needs it, and brings it
  ['libtpms.so.0', 'embedded:', 'libtpms0'],
  ['libtss2-tctildr.so.0', 'device:/dev/null', 'libtss2-tctildr0'],
  ['libtss2-tcti-device.so.0', 'device:/dev/null', 'libtss2-tcti-device0'],
  ['libtss2-tcti-mssim.so.0', 'mssim:host=127.0.0.1,port=1', 'libtss2-tcti-mssim0'],
]

for (const [library, tcti, name] of MISSING) {
  test(`${library} is missing`, async () => {
    const words = await sayWith(without(library), tcti)
    assert.match(words, /^library\|missing\|/)
    if (!library.includes('tcti-')) assert.ok(words.includes(library), words)
    assert.ok(words.includes(`apt-get install ${name})`), words)
  })
}

test('each library is opened when first needed: without one the rest works', async () => {
  const swtpm = await startSwtpm()
  for (const library of ['libtpms.so.0', 'libtss2-tctildr.so.0', 'libtss2-tcti-swtpm.so.0']) {
    assert.is(await sayWith(without(library), swtpm.tcti), 'works', library)
  }
  assert.is(await sayWith(without('libtss2-tctildr.so.0'), 'embedded:'), 'works')
  await swtpm.stop()
})

test('a library that lacks a function', async () => {
  const path = tempDir('old')
  writeFileSync(join(path, 'old.c'), 'int old_library;\n')
  execFileSync('cc', ['-shared', '-o', join(path, 'libtpms.so.0'), join(path, 'old.c')])
  assert.match(
    await sayWith(path, 'embedded:'),
    /^library\|missing\|libtpms\.so\.0 has no TPM\w+\. Install a newer one/,
  )
})

test('the log of tpm2-tss stays off, whatever its variable says', async () => {
  const swtpm = await startSwtpm()
  const given = { tcti: swtpm.tcti, state: '' }
  const body = `const tpm = await open(given.tcti)
    await tpm.run([{ ...random, params: Uint8Array.of(0) }]).catch((error) => say(error.layer))
    await open('mssim:port=banana').catch((error) => say(error.reason))`
  const { lines } = await inProcess(body, given, { TSS2_LOG: 'all+trace' })
  assert.equal(lines, ['sapi', 'usage'])
  await swtpm.stop()
})

test.run()
