/** Evidence about a key, verified: offline, without a TPM or a card, and without any effect. */
import { TpmError } from '../errors.ts'
import { TlvError } from '../iso7816/tlv.ts'
import { readTrust, type Trust } from './chain.ts'
import { LARGEST, readEvidence } from './evidence.ts'
import { demand, Refused } from './refusal.ts'
import { verifyRequest } from './request.ts'
import { type Found, verifyTpm } from './tpm.ts'
import { TIERS, type Tier, type Verdict } from './verdict.ts'
import { verifyYubico } from './yubico.ts'

export interface VerifyAttestationOptions {
  /**
   * Certificates of the CAs that are trusted: those that certify attestation keys, and the makers of TPMs and cards. PEM or
   * DER; a PEM text may have several. `YUBICO_ROOTS` and `TPM_MAKER_ROOTS` are those of makers.
   */
  readonly roots: readonly Uint8Array[]
  /** What the evidence was asked with. Attestations in Yubico's form have none. */
  readonly nonce?: Uint8Array
  /** Now, unless said otherwise. */
  readonly at?: Date
  /** Lists of revoked certificates, PEM or DER, of any of these CAs. A certificate without one counts as not revoked. */
  readonly revocations?: readonly Uint8Array[]
  /** What a TPM has to prove of itself at the least: `local` unless said otherwise. */
  readonly tier?: Tier
}

const NOTHING = { key: undefined, device: undefined, pin: undefined, proofs: [], notProved: [] } as const

/**
 * Verifies evidence about a key of a TPM card (JSON), certificate requests that have it, and attestations of Yubico's cards (PEM:
 * the attestation of the key, the certificate of slot F9, and any others). Bad evidence is a verdict too, and no exception.
 * @throws UsageError ERR_USAGE where a root or a revocation list cannot be read
 * @example
 * const verdict = verifyAttestation(evidence, { roots: [labCa], nonce })
 * if (!verdict.accepted) throw new Error(verdict.refusal?.message)
 * if (verdict.pin?.policy === 'never') throw new Error('This key needs no PIN.')
 */
export function verifyAttestation(evidence: Uint8Array | string, options: VerifyAttestationOptions): Verdict {
  const { roots, revocations = [], at = new Date(), nonce, tier = 'local' } = options
  const trust = readTrust(roots, revocations, at)
  let format: Verdict['format']
  try {
    demand(evidence.length <= LARGEST, 'too-large')
    const text = typeof evidence === 'string' ? evidence : Buffer.from(evidence).toString('latin1')
    format = formatOf(text)
    const found = verifiers[format](text, trust, nonce)
    const proved = found.device?.tier
    demand(proved === undefined || TIERS.indexOf(proved) >= TIERS.indexOf(tier), 'tier', proved)
    return { accepted: true, format, refusal: undefined, ...found }
  } catch (error) {
    const { code, message, about } = refusalOf(error)
    return { accepted: false, format, refusal: { code, message, about }, ...NOTHING }
  }
}

type Format = NonNullable<Verdict['format']>

function formatOf(text: string): Format {
  if (text.trimStart().startsWith('{')) return 'tessera'
  if (text.includes('-----BEGIN CERTIFICATE REQUEST-----')) return 'csr'
  if (text.includes('-----BEGIN CERTIFICATE-----')) return 'yubico'
  throw new Refused('malformed')
}

const verifiers: Readonly<Record<Format, (text: string, trust: Trust, nonce: Uint8Array | undefined) => Found>> = {
  tessera: (text, trust, nonce) => verifyTpm(readEvidence(text), trust, nonce),
  yubico: (text, trust) => verifyYubico(text, trust),
  csr: verifyRequest,
}

/** Structures that cannot be read are refused by their parsers in their own words. */
function refusalOf(error: unknown): Refused {
  if (error instanceof Refused) return error
  if (error instanceof TlvError || (error instanceof TpmError && error.code === 'ERR_TPM_ANSWER'))
    return new Refused('malformed')
  throw error
}
