// Evidence in a certificate request: the attribute id-aa-attestation of draft-ietf-lamps-csr-attestation (2026). The TCG's
// statement is what others read; the whole evidence is in a statement of our own beside it.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { equal, utf8 } from '../bytes.ts'
import { DER, element, field } from '../iso7816/der.ts'
import { readTlvs, TlvError, unwrap } from '../iso7816/tlv.ts'
import { dotted, oid } from '../x509/oid.ts'
import { Parts } from '../x509/parts.ts'
import { readPem } from '../x509/pem.ts'
import { readSigned } from '../x509/signed.ts'
import type { Trust } from './chain.ts'
import { type Evidence, readEvidence, writeEvidence } from './evidence.ts'
import { demand, Refused } from './refusal.ts'
import { type Found, verifyTpm } from './tpm.ts'

const ATTESTATION = '1.2.840.113549.1.9.16.2.59'
/** tcg-attest-tpm-certify: TPMS_ATTEST, TPMT_SIGNATURE and TPMT_PUBLIC of TPM2_Certify. */
const TPM_CERTIFY = '2.23.133.20.1'
/** The JSON of the evidence, in an arc of its own: X.667. */
const TESSERA = '2.25.292761698193048238286944411142590996230'
const SET = 0x31

/** The attribute of a certificate request that has this evidence. */
export function evidenceAttribute(evidence: Evidence): { readonly id: string; readonly value: Uint8Array } {
  const octets = (value: Uint8Array) => element(DER.octetString, value)
  const { key, ak } = evidence
  const tcg = element(DER.sequence, ...[key.attest, key.signature, key.public].map(octets))
  const statements = [
    ...(key.kind === 'certify' ? [element(DER.sequence, oid(TPM_CERTIFY), tcg)] : []),
    element(DER.sequence, oid(TESSERA), octets(utf8(writeEvidence(evidence)))),
  ]
  const certificates = ak.certificates.length === 0 ? [] : [element(DER.sequence, ...ak.certificates)]
  return { id: ATTESTATION, value: element(DER.sequence, element(DER.sequence, ...statements), ...certificates) }
}

/**
 * The evidence in a certificate request (PEM), which has to be for the key of the evidence and signed by it.
 * @throws Refused; TlvError
 */
export function verifyRequest(text: string, trust: Trust, nonce: Uint8Array | undefined): Found {
  const [block] = readPem(Buffer.from(text))
  if (block?.der === undefined) throw new Refused('malformed')
  const { content, isSignedBy } = readSigned(block.der)
  const parts = new Parts(content)
  parts.take(DER.integer)
  parts.take(DER.sequence)
  const spki = parts.takeWhole(DER.sequence)
  const evidence = evidenceIn(parts.takeIf(field(0)) ?? new Uint8Array(0))
  demand(isSignedBy(publicKey(spki)), 'request-signature')
  const found = verifyTpm(readEvidence(evidence), trust, nonce)
  demand(equal(found.key?.publicKey ?? new Uint8Array(0), spki), 'request-key')
  return found
}

function publicKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    throw new Refused('malformed', 'the key of the request')
  }
}

/** The JSON in the attributes of a request. */
function evidenceIn(attributes: Uint8Array): string {
  for (const { value } of readTlvs(attributes, 'BER')) {
    const attribute = new Parts(value)
    if (attribute.takeOid() !== ATTESTATION) continue
    const bundle = new Parts(unwrap(attribute.take(SET), DER.sequence, 'BER'))
    for (const { value: statement } of readTlvs(bundle.take(DER.sequence), 'BER')) {
      const [type, octets] = readTlvs(statement, 'BER')
      if (type === undefined || octets === undefined) throw new TlvError('a statement is malformed')
      if (dotted(type.value) === TESSERA) return Buffer.from(octets.value).toString()
    }
  }
  throw new Refused('not-attestation')
}
