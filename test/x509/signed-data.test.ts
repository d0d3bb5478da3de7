// takes: 2 s
// Signed data with one signer: what openssl says of what we write, and what is refused to be read.
import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TlvError } from '../../src/iso7816/tlv.ts'
import { readOnBehalf, writeOnBehalf } from '../../src/x509/on-behalf.ts'
import { isSignedData, readSignedData } from '../../src/x509/signed-data.ts'
import type { Signer } from '../../src/x509/write.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('cms')
const at = (name: string) => join(folder, name)
const openssl = (...words: string[]) => execFileSync('openssl', words, { encoding: 'utf8', stdio: 'pipe' })
const message = Uint8Array.from(Buffer.from('a request'))

const KINDS = {
  rsa: ['-newkey', 'rsa:2048'],
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
} as const
type Kind = keyof typeof KINDS

function agent(kind: Kind): { readonly certificate: Uint8Array; readonly signer: Signer } {
  const [key, pem] = [at(`${kind}.key`), at(`${kind}.pem`)]
  openssl('req', '-x509', ...KINDS[kind], '-nodes', '-subj', `/CN=${kind} agent`, '-keyout', key, '-out', pem)
  const privateKey = createPrivateKey(readFileSync(key))
  return {
    certificate: Uint8Array.from(new X509Certificate(readFileSync(pem)).raw),
    signer: {
      publicKey: createPublicKey(privateKey),
      algorithm: { hash: 'SHA-256', padding: 'pkcs1' },
      sign: async (data) => Uint8Array.from(sign('sha256', data, privateKey)),
    },
  }
}

for (const kind of Object.keys(KINDS) as Kind[]) {
  test(`openssl verifies what a key of the kind ${kind} signs, and shows for whom it is`, async () => {
    const { certificate, signer } = agent(kind)
    const signed = await writeOnBehalf({ request: message, requester: 'LAB\\zoë' }, certificate, signer)
    writeFileSync(at('signed'), signed)
    const verify = ['cms', '-verify', '-binary', '-inform', 'DER', '-in', at('signed'), '-CAfile', at(`${kind}.pem`)]
    assert.is(openssl(...verify, '-purpose', 'any'), 'a request')
    assert.match(openssl('asn1parse', '-inform', 'DER', '-in', at('signed')), '1.3.6.1.4.1.311.13.2.1')
    const { request, requester, data } = readOnBehalf(signed)
    assert.equal([request, requester], [message, 'LAB\\zoë'])
    assert.equal(data.certificates, [certificate])
    assert.ok(isSignedData(signed))
  })
}

test('what openssl signs is read, but is on behalf of nobody', () => {
  const { certificate } = agent('ec')
  writeFileSync(at('message'), message)
  const how = ['-signer', at('ec.pem'), '-inkey', at('ec.key'), '-nodetach', '-binary', '-outform', 'DER']
  openssl('cms', '-sign', '-in', at('message'), ...how, '-out', at('by-openssl'))
  const octets = Uint8Array.from(readFileSync(at('by-openssl')))
  const { content, certificates } = readSignedData(octets)
  assert.equal([content, certificates], [message, [certificate]])
  assert.throws(() => readOnBehalf(octets), /for whom/)
})

test('anything else is refused in words', async () => {
  const { certificate, signer } = agent('ec')
  const signed = await writeOnBehalf({ request: message, requester: 'maria' }, certificate, signer)
  for (const octets of [new Uint8Array(0), Uint8Array.of(0x30, 0x00), message, certificate]) {
    assert.is(isSignedData(octets), false)
    assert.throws(
      () => readSignedData(octets),
      (error: unknown) => error instanceof TlvError,
    )
  }
  for (let length = 0; length < signed.length; length += 7) {
    assert.throws(
      () => readOnBehalf(signed.subarray(0, length)),
      (error: unknown) => error instanceof TlvError,
    )
  }
})

test.run()
