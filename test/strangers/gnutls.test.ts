// takes: 6 s
// p11tool of GnuTLS: tokens, certificates, keys, and its own test of a signature. It takes the PIN from the environment.

import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NAMES, OPENSC, type UsedSlot, uri } from './support/opensc.ts'
import { PIN, type Served, startServed, TRIES, triesLeft, WRONG_PIN } from './support/served.ts'
import { ok, refused, type Said, says } from './support/tools.ts'

let served: Served
test.before(async () => {
  served = await startServed(['curve', 'prime'])
})
test.after(() => served?.stop())

const SLOTS = Object.keys(NAMES) as UsedSlot[]
const p11tool = (end: typeof ok, pin: string, ...words: string[]): Promise<Said> =>
  end('p11tool', ['--provider', OPENSC, '--batch', ...words], { env: { GNUTLS_PIN: pin } })
const urls = ({ stdout }: Said): string[] => [...stdout.matchAll(/^\s*URL: (pkcs11:.*)$/gm)].map(([, url = '']) => url)
const objects = (said: Said): string[] =>
  urls(said).map((url) => decodeURIComponent(/;object=([^;]*)/.exec(url)?.[1] ?? ''))

test('tokens', async () => {
  const said = await p11tool(ok, PIN, '--list-tokens')
  for (const { name } of served.cards) says(said, new RegExp(`token=${name}%209a$`, 'm'))
  says(said, /Type: Hardware token/)
  says(said, /Flags: RNG, Requires login/)
})

test('certificates and keys of each card', async () => {
  for (const { name, certificate } of served.cards) {
    const token = `pkcs11:token=${name}%209a`
    const certificates = await p11tool(ok, PIN, '--list-all-certs', token)
    assert.equal(objects(certificates).sort(), SLOTS.map((slot) => NAMES[slot].certificate).sort())
    const keys = await p11tool(ok, PIN, '--login', '--list-privkeys', token)
    assert.equal(objects(keys).sort(), SLOTS.map((slot) => NAMES[slot].key).sort())
    for (const slot of SLOTS) {
      const { stdout } = await p11tool(ok, PIN, '--export', uri(`${name} 9a`, slot, 'cert'))
      assert.is(new X509Certificate(stdout).fingerprint256, certificate(slot).fingerprint256)
    }
  }
})

test('p11tool signs with each key that may, and verifies', async () => {
  for (const { name } of served.cards) {
    for (const slot of ['9a', '9c', '9e'] as const) {
      const said = await p11tool(ok, PIN, '--login', '--test-sign', uri(`${name} 9a`, slot, 'private'))
      says(said, /Verifying against public key in the token\.\.\. ok/)
    }
  }
})

test('a wrong PIN costs tries and signs nothing', async () => {
  const [card] = served.cards
  assert.ok(card)
  await p11tool(refused, WRONG_PIN, '--login', '--test-sign', uri(`${card.name} 9a`, '9a', 'private'))
  const left = await triesLeft(card)
  assert.ok(left !== undefined && left < TRIES.pin && left > 0, String(left))
})

test.run()
