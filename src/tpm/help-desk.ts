// Challenge and response between a blocked card and its help desk, as text that can be read over a telephone.
// Pure: no TPM. The private key of the help desk is never on the card's machine.
import { type KeyObject, sign } from 'node:crypto'
import { concat, hex, utf8 } from '../bytes.ts'
import { PinError, UsageError } from '../errors.ts'
import { fromKeyObject } from '../piv/public-key.ts'
import { u32, WireReader } from './codec/wire.ts'
import { verifyingKeyBlob } from './lock/provision.ts'

/** How long a challenge lives, in seconds from its making; the TPM session in which it was made must live as long. */
export const CHALLENGE_SECONDS = 900
const NONCE = 16
const CARD_ID = 16
const SIGNATURE = 64
const CHECK = 3

export interface Challenge {
  readonly cardId: Uint8Array
  /** nonceTPM of the session that waits for the response. */
  readonly nonce: Uint8Array
  /** Seconds; negative on the wire, which asks for a ticket. */
  readonly seconds: number
}

// Crockford's base 32: no I, L, O, U; a character read as one of them counts as the one that it resembles.
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

function toText(kind: 'C' | 'R', payload: Uint8Array): string {
  const octets = concat(payload, checkValue(kind, payload))
  let bits = ''
  for (const octet of octets) bits += octet.toString(2).padStart(8, '0')
  const digits = (bits.match(/.{1,5}/g) ?? []).map((group) => DIGITS[Number.parseInt(group.padEnd(5, '0'), 2)])
  return `${kind}-${(digits.join('').match(/.{1,5}/g) ?? []).join('-')}`
}

function fromText(kind: 'C' | 'R', text: string, length: number): Uint8Array | undefined {
  const clean = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  if (clean.length !== 1 + Math.ceil(((length + CHECK) * 8) / 5) || !clean.startsWith(kind)) return undefined
  let bits = ''
  for (const digit of clean.slice(1)) {
    const value = DIGITS.indexOf(digit)
    if (value < 0) return undefined
    bits += value.toString(2).padStart(5, '0')
  }
  const octets = Uint8Array.from({ length: length + CHECK }, (_, i) => Number.parseInt(bits.slice(i * 8, i * 8 + 8), 2))
  if (bits.slice(octets.length * 8).includes('1')) return undefined
  const payload = octets.slice(0, length)
  return hex(octets.slice(length)) === hex(checkValue(kind, payload)) ? payload : undefined
}

/**
 * CRC-24 (RFC 9580, 6.1): finds every misread character and every swap of two adjacent ones, where a hash of this length
 * would miss a few. It is no defence against an attacker; the signature is.
 */
function checkValue(kind: string, payload: Uint8Array): Uint8Array {
  let crc = 0xb704ce
  for (const octet of concat(utf8(kind), payload)) {
    crc ^= octet << 16
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((crc & 0x800000) === 0 ? 0 : 0x1864cfb)
  }
  return Uint8Array.of(crc >>> 16, crc >>> 8, crc)
}

export function formatChallenge(challenge: Challenge): string {
  return toText('C', concat(challenge.cardId, challenge.nonce, u32(challenge.seconds)))
}

/** @throws UsageError ERR_USAGE when it was misread */
export function parseChallenge(text: string): Challenge {
  const payload = fromText('C', text, CARD_ID + NONCE + 4)
  if (payload === undefined) {
    throw new UsageError(
      'ERR_USAGE',
      'This is not a challenge, or a character of it was misread. Have it read out again.',
    )
  }
  const reader = new WireReader(payload)
  return { cardId: reader.take(CARD_ID), nonce: reader.take(NONCE), seconds: reader.u32() }
}

export function formatResponse(signature: Uint8Array): string {
  return toText('R', signature)
}

/** Signature of the help desk: r || s. @throws PinError ERR_HELP_DESK_REFUSED when it was misread */
export function parseResponse(text: string): Uint8Array {
  const signature = fromText('R', text, SIGNATURE)
  if (signature !== undefined) return signature
  throw new PinError(
    'ERR_HELP_DESK_REFUSED',
    'This is not a response, or a character of it was misread. Nothing was changed: have it read out again.',
  )
}

/**
 * A challenge that the help desk may sign: one with the lifetime of every challenge of a card. Its check value is no
 * protection: an attacker who changes the text recomputes it, and could ask for a ticket that sets PINs for years.
 * @throws UsageError ERR_USAGE when it was misread, or asks for another lifetime
 */
export function challengeToSign(text: string): Challenge {
  const challenge = parseChallenge(text)
  if (challenge.seconds === CHALLENGE_SECONDS) return challenge
  throw new UsageError(
    'ERR_USAGE',
    `This challenge asks for ${challenge.seconds} seconds. A card asks for ${CHALLENGE_SECONDS}: somebody changed the challenge. Do not answer it.`,
  )
}

/** The octets that the help desk signs: nonceTPM || expiration || policyRef, as for TPM2_PolicySigned (Part 3, 23.3). */
export function challengeMessage(challenge: Challenge): Uint8Array {
  return concat(challenge.nonce, u32(-challenge.seconds), utf8('unblock'), challenge.cardId)
}

/**
 * The other side of the telephone: signs a challenge.
 * @throws UsageError ERR_USAGE for a misread challenge, one of another lifetime, or a key that is not a P-256 private key
 */
export function respond(challenge: string, privateKey: KeyObject): string {
  const parsed = challengeToSign(challenge)
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new UsageError('ERR_USAGE', 'The help-desk key must be a P-256 private key in PEM.')
  }
  const signature = sign('sha256', challengeMessage(parsed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return formatResponse(Uint8Array.from(signature))
}

/** TPM2B_PUBLIC of the help desk's key. @throws UsageError ERR_USAGE unless it is a P-256 public key */
export function helpDeskKeyBlob(publicKey: KeyObject): Uint8Array {
  const isOurs = publicKey.type === 'public' && publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  const key = isOurs ? fromKeyObject(publicKey) : undefined
  if (key === undefined || !('point' in key)) {
    throw new UsageError(
      'ERR_USAGE',
      'The help-desk key must be a P-256 public key in PEM (openssl pkey -in PRIVATE.pem -pubout).',
    )
  }
  return verifyingKeyBlob(key.point.slice(1))
}
