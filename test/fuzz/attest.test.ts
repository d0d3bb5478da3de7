// time limit: 900 s
// takes: 25 s
// Damaged evidence: always a verdict, and accepted only where nothing that it proves was changed. The structures of the TPM and
// the lists of revoked certificates by themselves are refused in words.
import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeEvidence } from '../../src/attest/evidence.ts'
import { verdictPage, verifyAttestation, YUBICO_ROOTS } from '../../src/attest/index.ts'
import { evidenceAttribute } from '../../src/attest/request.ts'
import { equal, hex } from '../../src/bytes.ts'
import { TpmError } from '../../src/errors.ts'
import { TlvError } from '../../src/iso7816/tlv.ts'
import { readAttest, readCreationData, readSignature } from '../../src/tpm/codec/attestation.ts'
import { decodePublic } from '../../src/tpm/codec/public.ts'
import { parseName } from '../../src/x509/name.ts'
import { writePem } from '../../src/x509/pem.ts'
import { readRevocationList } from '../../src/x509/revocation-list.ts'
import { writeRequest } from '../../src/x509/write.ts'
import { revocationList } from '../attest/support/authorities.ts'
import { NULL_PRIMARY } from '../attest/support/software-tpm.ts'
import { ca, card, evidence, options, verify } from '../attest/support/world.ts'
import { root } from '../runner/jobs.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const text = writeEvidence(evidence)
const { publicKey = new Uint8Array(0) } = verify(evidence).key ?? {}

test('documents', async () => {
  let accepted = 0
  const target = (octets: Uint8Array) => {
    const verdict = verify(Buffer.from(octets).toString('latin1'))
    if (!verdictPage(verdict).startsWith(verdict.accepted ? 'Accepted.' : 'Refused: ')) throw new Error('another page')
    if (!verdict.accepted) return
    accepted += 1
    if (!equal(verdict.key?.publicKey ?? new Uint8Array(0), publicKey)) throw new Error('another key was accepted')
  }
  await fuzz('evidence', [Uint8Array.from(Buffer.from(text))], FUZZ_SECONDS, target, { refusals: [] })
  assert.ok(accepted > 0)
})

test('attestations of cards, and certificate requests', async () => {
  const yubikey = readFileSync(join(root, 'test/attest/vectors/yubikey-25515003.pem'))
  const { publicKey: own, privateKey } = card.card
  const signer = {
    publicKey: own,
    algorithm: { hash: 'SHA-256', padding: 'pkcs1' } as const,
    sign: async (data: Uint8Array) => Uint8Array.from(sign('sha256', data, privateKey)),
  }
  const wanted = { subject: parseName('CN=Maria'), extensions: [], attributes: [evidenceAttribute(evidence)] }
  const request = writePem('CERTIFICATE REQUEST', await writeRequest(wanted, signer))
  const keys = new Set([hex(publicKey), hex(verifyYubikey(yubikey).key?.publicKey ?? new Uint8Array(0))])
  const target = (octets: Uint8Array) => {
    const verdict = verifyYubikey(octets)
    if (verdict.accepted && !keys.has(hex(verdict.key?.publicKey ?? new Uint8Array(0))))
      throw new Error('another key was accepted')
  }
  const seeds = [yubikey, Buffer.from(request)].map((octets) => Uint8Array.from(octets))
  await fuzz('PEM', seeds, FUZZ_SECONDS, target, { refusals: [] })
})

const verifyYubikey = (octets: Uint8Array) =>
  verifyAttestation(octets, { ...options, roots: [...options.roots, ...YUBICO_ROOTS] })

test('structures of a TPM', async () => {
  const { key, ak, pin } = evidence
  const statements = [key, pin?.counter, pin?.burn].flatMap((one) =>
    one === undefined ? [] : [one.attest, one.signature],
  )
  const seeds = [...statements, key.public, ak.public, NULL_PRIMARY]
  const readers: ReadonlyArray<(octets: Uint8Array) => unknown> = [
    readAttest,
    readSignature,
    readCreationData,
    (octets) => decodePublic(octets, 'any'),
  ]
  for (const reader of readers) await fuzz('structure', seeds, FUZZ_SECONDS / 4, reader, { refusals: [TpmError] })
})

test('lists of revoked certificates', async () => {
  const seeds = [await revocationList(ca, [Uint8Array.of(1), Uint8Array.of(2, 3)]), await revocationList(ca, [])]
  const target = (octets: Uint8Array) => readRevocationList(octets).isSignedBy(ca.key.publicKey)
  await fuzz('revocation lists', seeds, FUZZ_SECONDS / 2, target, { refusals: [TlvError] })
})

test.run()
