// Algorithms of signatures. RFC 4055 (RSA), RFC 5758 (ECDSA); what is broken is known, to be refused by its name.
import { equal } from '../bytes.ts'
import { find, readTlvs, TlvError, tlv } from '../iso7816/tlv.ts'
import { dotted, oidOctets } from '../x509/oid.ts'
import { Refusal } from './notice.ts'

export interface Signature {
  readonly kind: 'rsa' | 'ec'
  /** As OpenSSL calls it. */
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  readonly pss: boolean
}

const PKCS1: Readonly<Record<string, Signature['hash']>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
}

const ECDSA: Readonly<Record<string, Signature['hash']>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}

/** RSASSA-PSS and, for each hash, its object identifier and length in octets. */
const PSS = '1.2.840.113549.1.1.10'
const PSS_HASHES = {
  sha256: ['2.16.840.1.101.3.4.2.1', 32],
  sha384: ['2.16.840.1.101.3.4.2.2', 48],
  sha512: ['2.16.840.1.101.3.4.2.3', 64],
} as const
const SHA_1 = '1.3.14.3.2.26'

/** By what nobody may sign any more: a collision makes another request of the one that was signed. */
const BROKEN: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2',
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.2.840.10040.4.3': 'SHA-1',
  '1.2.840.10045.4.1': 'SHA-1',
  '1.3.14.3.2.29': 'SHA-1',
}

const TAG = { integer: 0x02, null: 0x05, oid: 0x06, sequence: 0x30, hash: 0xa0, mask: 0xa1, salt: 0xa2 } as const

/**
 * What an AlgorithmIdentifier (without its outer tag) says.
 * @throws Refusal 403 for an algorithm that is broken or not known here; TlvError
 */
export function signatureOf(octets: Uint8Array): Signature {
  const [type, parameters, ...others] = readTlvs(octets)
  if (type?.tag !== TAG.oid || others.length > 0) throw new TlvError('its algorithm is none')
  const id = dotted(type.value)
  const empty = parameters === undefined || (parameters.tag === TAG.null && parameters.value.length === 0)
  const [pkcs1, ecdsa, broken] = [PKCS1[id], ECDSA[id], BROKEN[id]]
  if (pkcs1 !== undefined && empty) return { kind: 'rsa', hash: pkcs1, pss: false }
  if (ecdsa !== undefined && parameters === undefined) return { kind: 'ec', hash: ecdsa, pss: false }
  if (id === PSS && parameters?.tag === TAG.sequence) return { kind: 'rsa', hash: pssHash(parameters.value), pss: true }
  if (broken !== undefined) {
    throw new Refusal(403, `The request is signed by way of ${broken}, which is broken: use SHA-256 or better.`)
  }
  throw new Refusal(403, `The request is signed by an algorithm that is not taken here (${id}).`)
}

/** The hash, for the mask too, with a salt of its length: all that is used in certificates. RFC 4055, 3.1. */
function pssHash(parameters: Uint8Array): Signature['hash'] {
  const hashes = Object.keys(PSS_HASHES) as Array<keyof typeof PSS_HASHES>
  const found = hashes.find((hash) => pssParameters(hash).some((known) => equal(known, parameters)))
  if (found !== undefined) return found
  // Without a hash, SHA-1 is meant.
  const hash = find(readTlvs(parameters), TAG.hash)
  const broken = hash === undefined || equal(hash, tlv(TAG.sequence, oid(SHA_1), tlv(TAG.null)))
  const why = broken ? 'by way of SHA-1, which is broken' : 'in an unusual way'
  throw new Refusal(
    403,
    `The request is signed with PSS ${why}: use SHA-256 or better, the same for the mask, and a salt as long as it.`,
  )
}

/** With and without the NULL that hashes may have (RFC 4055, 2.1: both are to be taken). */
function pssParameters(hash: keyof typeof PSS_HASHES): Uint8Array[] {
  const [id, length] = PSS_HASHES[hash]
  return [[tlv(TAG.null)], []].map((none) => {
    const algorithm = tlv(TAG.sequence, oid(id), ...none)
    const mask = tlv(TAG.sequence, oid('1.2.840.113549.1.1.8'), algorithm)
    const salt = tlv(TAG.integer, Uint8Array.of(length))
    return Uint8Array.from([...tlv(TAG.hash, algorithm), ...tlv(TAG.mask, mask), ...tlv(TAG.salt, salt)])
  })
}

const oid = (text: string): Uint8Array => tlv(TAG.oid, oidOctets(text) ?? new Uint8Array(0))
