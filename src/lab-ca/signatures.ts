// Signature algorithms in requests. Broken ones are listed, so that the refusal can name them.
import { equal } from '../bytes.ts'
import { DER } from '../iso7816/der.ts'
import { readTlvs, TlvError } from '../iso7816/tlv.ts'
import { BROKEN_HASHES, pssParameters, signatureFacts } from '../x509/algorithms.ts'
import { dotted } from '../x509/oid.ts'
import { Refusal } from './notice.ts'

const HASHES = ['SHA-256', 'SHA-384', 'SHA-512'] as const
const OPENSSL = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

/** rsaEncryption. */
const RSA = '1.2.840.113549.1.1.1'

export interface Signature {
  readonly kind: 'rsa' | 'ec'
  /** OpenSSL's name. */
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  readonly pss: boolean
}

/**
 * The signature algorithm of an AlgorithmIdentifier, given without its outer tag. With `digest`, it may be RSA alone, as CMS
 * has it (RFC 5754, 3.2), and the hash is that.
 * @throws Refusal 403 for a broken or unknown algorithm; TlvError
 */
export function signatureOf(octets: Uint8Array, digest?: (typeof HASHES)[number]): Signature {
  const [type, parameters, ...others] = readTlvs(octets)
  if (type?.tag !== DER.oid || others.length > 0) throw new TlvError('its algorithm is malformed')
  const id = dotted(type.value)
  if (digest !== undefined && id === RSA) return { kind: 'rsa', hash: OPENSSL[digest], pss: false }
  const { name, hash = '' } = signatureFacts(id, parameters?.value)
  if (name === 'RSA-PSS') return { kind: 'rsa', hash: pssHash(parameters?.value, hash), pss: true }
  const known = HASHES.find((one) => one === hash)
  const empty = parameters === undefined || (parameters.tag === DER.null && parameters.value.length === 0)
  if (known !== undefined && name === 'RSA' && empty) return { kind: 'rsa', hash: OPENSSL[known], pss: false }
  if (known !== undefined && name === 'ECDSA' && parameters === undefined)
    return { kind: 'ec', hash: OPENSSL[known], pss: false }
  if (BROKEN_HASHES.includes(hash)) {
    throw new Refusal(403, `The request is signed by way of ${hash}, which is broken: use SHA-256 or better.`)
  }
  throw new Refusal(403, `The request is signed by an algorithm that is not taken here (${id}).`)
}

/** The hash, used for the mask too, with a salt as long as it: certificates use nothing else. RFC 4055, 3.1. */
function pssHash(parameters: Uint8Array = new Uint8Array(0), said: string): Signature['hash'] {
  // With and without the NULL that hashes may have: RFC 4055, 2.1, requires both to be accepted.
  const found = HASHES.find((hash) =>
    [pssParameters(hash), pssParameters(hash, [])].some((known) => equal(known, parameters)),
  )
  if (found !== undefined) return OPENSSL[found]
  const why = BROKEN_HASHES.includes(said) ? `by way of ${said}, which is broken` : 'in an unusual way'
  throw new Refusal(
    403,
    `The request is signed with PSS ${why}: use SHA-256 or better, the same for the mask, and a salt as long as it.`,
  )
}
