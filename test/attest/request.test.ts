// Evidence in a certificate request, and a request that has the evidence of another key.
import { sign } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeEvidence } from '../../src/attest/evidence.ts'
import { evidenceAttribute } from '../../src/attest/request.ts'
import { verifyAttestation } from '../../src/attest/verify.ts'
import { readRequest } from '../../src/lab-ca/request.ts'
import { parseName } from '../../src/x509/name.ts'
import { writePem } from '../../src/x509/pem.ts'
import { writeRequest } from '../../src/x509/write.ts'
import { openssl, write } from '../enroll/support/openssl.ts'
import { type Pair, pair } from './support/software-tpm.ts'
import { card, evidence, options } from './support/world.ts'

const request = async (key: Pair, by = key, attributes = [evidenceAttribute(evidence)]) => {
  const signing = async (data: Uint8Array) => Uint8Array.from(sign('sha256', data, by.privateKey))
  const signer = { publicKey: key.publicKey, algorithm: { hash: 'SHA-256', padding: 'pkcs1' }, sign: signing } as const
  return writeRequest({ subject: parseName('CN=Maria'), extensions: [], attributes }, signer)
}
const verify = (der: Uint8Array) => verifyAttestation(writePem('CERTIFICATE REQUEST', der), options)

test('the evidence in a request says what it says by itself', async () => {
  const { format, ...verdict } = verify(await request(card.card))
  assert.is(format, 'csr')
  const { format: _, ...alone } = verifyAttestation(writeEvidence(evidence), options)
  assert.equal(verdict, alone)
})

test('it is a request as others read it: openssl, and a CA that knows no evidence', async () => {
  const der = await request(card.card)
  write('request.der', der)
  const text = openssl('req', '-inform', 'der', '-in', 'request.der', '-noout', '-verify', '-text')
  assert.match(text, /1\.2\.840\.113549\.1\.9\.16\.2\.59|id-smime-aa/)
  assert.is(readRequest(der).kind, 'ec')
  const parsed = openssl('asn1parse', '-inform', 'der', '-in', 'request.der')
  assert.match(parsed, /2\.23\.133\.20\.1/)
})

test('refusals', async () => {
  const mine = pair()
  const rows = [
    ['the evidence of another key', await request(mine), 'request-key'],
    ['a request that another key signed', await request(card.card, mine), 'request-signature'],
    ['no evidence', await request(card.card, card.card, []), 'not-attestation'],
    ['cut off', (await request(card.card)).slice(0, 300), 'malformed'],
  ] as const
  for (const [what, der, code] of rows) assert.is(verify(der).refusal?.code, code, what)
})

test.run()
