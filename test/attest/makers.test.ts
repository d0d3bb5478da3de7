// The certificates of makers of TPMs that come with Tessera: roots are roots, everything else leads to one, and nothing is weak.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { follow, readBoth } from '../../src/attest/chain.ts'
import { TPM_MAKER_INTERMEDIATES, TPM_MAKER_ROOTS } from '../../src/attest/makers/tpm.ts'
import { hex } from '../../src/bytes.ts'
import { AT } from './support/authorities.ts'

const roots = TPM_MAKER_ROOTS.map((der) => new X509Certificate(der))

test('roots are certificates of CAs that certify themselves', () => {
  assert.is(roots.length, 11)
  for (const root of roots) assert.ok(root.ca && root.verify(root.publicKey), root.subject)
})

test('each of the others leads to one of them', () => {
  const between = TPM_MAKER_INTERMEDIATES.map(readBoth)
  assert.is(between.length, 18)
  for (const one of between) {
    assert.ok(one.x509.ca, one.subject)
    assert.match(follow(one, between, { roots, at: AT, lists: [] }).root, /CN=/)
  }
})

test('each is there once', () => {
  const all = [...TPM_MAKER_ROOTS, ...TPM_MAKER_INTERMEDIATES].map(hex)
  assert.is(new Set(all).size, all.length)
})

test.run()
