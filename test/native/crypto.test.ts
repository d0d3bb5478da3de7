// Published vectors for what a session is computed with: native/tests/crypto_test.cc, one test a case.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const build = process.env.TESSERA_ADDON
  ? dirname(process.env.TESSERA_ADDON)
  : fileURLToPath(new URL('../../native/build/Release/', import.meta.url))
const { stdout, stderr, status, error } = spawnSync(join(build, 'crypto_test'), { encoding: 'utf8', timeout: 120_000 })
const cases = (stdout ?? '').split('\n').filter((line) => line !== '')

test('the program ran to its end, and found nothing wrong', () => {
  assert.is(error, undefined)
  assert.is(stderr, '')
  assert.is(status, 0)
})

test('SHA-256, HMAC (RFC 4231), AES-128-CFB (SP 800-38A), KDFa and KDFe are among the cases', () => {
  const counts = ['SHA-256', 'HMAC RFC 4231', 'AES-128-CFB F', 'KDFa', 'KDFe'].map(
    (name) => cases.filter((line) => line.includes(name)).length,
  )
  assert.equal(counts, [2, 6, 2, 2, 4])
})

for (const line of cases) {
  test(line.replace(/^\w+ /, ''), () => {
    assert.ok(line.startsWith('ok '), line)
  })
}

test.run()
