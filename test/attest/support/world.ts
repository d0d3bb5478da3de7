// One card with everything that evidence can have, its CAs, and what a verifier knows.
import { type Evidence, writeEvidence } from '../../../src/attest/evidence.ts'
import { endorsementKeyName } from '../../../src/attest/tpm-certificates.ts'
import { type VerifyAttestationOptions, verifyAttestation } from '../../../src/attest/verify.ts'
import { spkiOf } from '../../../src/x509/write.ts'
import { AT, akCertificate, authority, EK_PURPOSE, issue, NO_CA, tpmNames, type Wanted } from './authorities.ts'
import { cardParts, evidenceOf, NONCE, type Parts, pair, statement } from './software-tpm.ts'

export const root = await authority('root')
export const ca = await authority('attestation CA', root)
export const maker = await authority('maker of TPMs')
export const stranger = await authority('somebody else')
export const ek = pair()
export const EK_NAME = endorsementKeyName(spkiOf(ek.publicKey))

async function newCard(): Promise<Parts> {
  const parts = cardParts()
  const own = await akCertificate(ca, parts.ak, {}, [EK_NAME])
  const certificate = await issue(maker, ek.publicKey, { extensions: [NO_CA, EK_PURPOSE, tpmNames()] })
  return { ...parts, akCertificates: [own, ca.certificate], ek: [{ certificates: [certificate] }] }
}

export const card = await newCard()
export const evidence = evidenceOf(card)
/** Of another card, with another attestation key of the same CA. */
export const other = evidenceOf(await newCard())

export const options: VerifyAttestationOptions = { roots: [root.certificate, maker.certificate], nonce: NONCE, at: AT }

export const verify = (given: Evidence | string, more: Partial<VerifyAttestationOptions> = {}) =>
  verifyAttestation(typeof given === 'string' ? given : writeEvidence(given), { ...options, ...more })

/** The evidence of this card with other parts. */
export const made = (change: Partial<Parts>): Evidence => evidenceOf({ ...card, ...change })

type Members = { readonly [Name in 'key' | 'ak' | 'pin']?: { readonly [Member in string]?: unknown } }

/** The evidence of this card with other members. */
export function changed(change: Members): Evidence {
  const { key, ak, pin } = evidence
  const parts = { key: { ...key, ...change.key }, ak: { ...ak, ...change.ak }, pin: { ...pin, ...change.pin } }
  return { ...evidence, ...parts } as Evidence
}

export const signed = (attest: Uint8Array) => statement(card.ak, attest)

/** With another certificate of the attestation key. */
export const chained = async (wanted: Wanted): Promise<Evidence> =>
  changed({ ak: { certificates: [await akCertificate(ca, card.ak, wanted), ca.certificate] } })

/** With another certificate of the endorsement key. */
export const endorsed = async (by: typeof maker, wanted: Wanted): Promise<Evidence> => ({
  ...evidence,
  ek: [{ certificates: [await issue(by, ek.publicKey, wanted)] }],
})
