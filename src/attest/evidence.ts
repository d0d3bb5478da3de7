/** Evidence about a key of a TPM card, as one JSON document. docs/evidence.md describes each member. */
import { isUint8Array } from 'node:util/types'
import * as v from 'valibot'
import { fromBase64 } from '../bytes.ts'
import { SLOTS } from '../piv/slots.ts'
import { Refused } from './refusal.ts'

/** Octets of the largest evidence; real ones have 4 to 20 KB. */
export const LARGEST = 256 * 1024
/** Of one structure of a TPM, and of one certificate. */
const STRUCTURE = 4096
const CERTIFICATE = 16_384

const octets = (most: number) =>
  v.pipe(
    v.string(),
    v.transform(fromBase64),
    v.custom<Uint8Array>((value) => isUint8Array(value) && value.length > 0 && value.length <= most),
  )
const structure = octets(STRUCTURE)
const chain = v.pipe(v.array(octets(CERTIFICATE)), v.maxLength(10))
/** A TPMS_ATTEST and its TPMT_SIGNATURE by the attestation key. */
const statement = { attest: structure, signature: structure }

const schema = v.strictObject({
  tesseraEvidence: v.literal(1),
  /** Which table of policies the card was made by: 1 is that of Tessera 0.1.0. */
  lock: v.picklist([1, 2]),
  slot: v.picklist([...SLOTS.keys()]),
  key: v.variant('kind', [
    /** TPM2_Certify. */
    v.strictObject({ kind: v.literal('certify'), public: structure, ...statement }),
    /** TPM2_CertifyCreation, with the TPMS_CREATION_DATA. */
    v.strictObject({ kind: v.literal('creation'), public: structure, ...statement, creationData: structure }),
  ]),
  /** The attestation key: TPMT_PUBLIC, and its certificate with the chain. */
  ak: v.strictObject({ public: structure, certificates: chain }),
  /** The PIN counter (index P), for keys that need a PIN. */
  pin: v.optional(
    v.strictObject({
      /** TPMS_NV_PUBLIC. */
      public: structure,
      /** Wrong PINs that the card was made with. */
      tries: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10)),
      /** TPM2_NV_Certify of the counter. */
      counter: v.optional(v.strictObject(statement)),
      /** TPMT_PUBLIC of K, the key that wrote it. */
      burnKey: structure,
      /** TPM2_CertifyCreation of K. */
      burn: v.optional(v.strictObject({ ...statement, creationData: structure })),
    }),
  ),
  /** Endorsement keys of the TPM: certificate first, then its chain. */
  ek: v.pipe(v.array(v.strictObject({ certificates: chain })), v.maxLength(8)),
})

export type Evidence = Readonly<v.InferOutput<typeof schema>>
export type KeyStatement = Evidence['key']
export type PinStatement = NonNullable<Evidence['pin']>

/** @throws Refused malformed, version */
export function readEvidence(text: string): Evidence {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new Refused('malformed')
  }
  const version = (document as { tesseraEvidence?: unknown } | null)?.tesseraEvidence
  if (typeof version === 'number' && version > 1) throw new Refused('version')
  const read = v.safeParse(schema, document)
  if (!read.success) throw new Refused('malformed', v.getDotPath(read.issues[0])?.slice(0, 100))
  return read.output
}

/** The JSON of evidence, with octets as base64. */
export const writeEvidence = (evidence: Evidence): string =>
  `${JSON.stringify(evidence, (_, value) => (isUint8Array(value) ? Buffer.from(value).toString('base64') : value), 2)}\n`
