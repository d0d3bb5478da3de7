// Private keys from the host's side: GENERATE, and GENERAL AUTHENTICATE. SP 800-73-5 part 2, 3.2.4 and 3.3.1.
import type { KeyObject } from 'node:crypto'
import { wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { TlvError } from '../../iso7816/tlv.ts'
import { ALGORITHMS, type Algorithm, HASHES, parseHash } from '../algorithms.ts'
import { ecdsaToRaw } from '../ecdsa.ts'
import { fromKeyObject, readPublicKey, toKeyObject } from '../public-key.ts'
import { keyReference, PIN_POLICY_IDS, type PinPolicy, type Slot } from '../slots.ts'
import { ASKED, type Authentication, readAuthentication, writeAuthentication, writeKeyTemplate } from '../templates.ts'
import type { Exchange } from './exchange.ts'
import type { KeyInfo } from './key-info.ts'
import { type DecryptOptions, notDecrypted, unpadOaep, unpadPkcs1 } from './padding.ts'
import { refusal } from './refusals.ts'
import { rsaBlock, type SignatureParameters } from './signature.ts'

const DIGEST_LENGTHS: readonly number[] = Object.values(HASHES)
const INS = { generalAuthenticate: 0x87, generateKeyPair: 0x47 } as const

export async function generate(
  exchange: Exchange,
  slot: Slot,
  algorithm: Algorithm,
  pinPolicy: PinPolicy,
): Promise<KeyObject> {
  const data = writeKeyTemplate({ algorithm: ALGORITHMS[algorithm].id, pinPolicy: PIN_POLICY_IDS[pinPolicy] })
  const command = { ins: INS.generateKeyPair, p1: 0x00, p2: keyReference(slot), data, answer: true }
  const answer = await exchange.send(command)
  if (answer.sw !== SW.OK) throw refusal('manage', answer.sw)
  return wellFormed(() => toKeyObject(readPublicKey(answer.data)))
}

/** One private-key operation: what is asked of the key, and its answer. */
async function use(exchange: Exchange, { slot, algorithm }: KeyInfo, items: Authentication): Promise<Uint8Array> {
  const data = writeAuthentication({ response: ASKED, ...items })
  const { id } = ALGORITHMS[algorithm]
  const command = { ins: INS.generalAuthenticate, p1: id, p2: keyReference(slot), data, answer: true }
  const answer = await exchange.send(command)
  if (answer.sw !== SW.OK) throw refusal('useKey', answer.sw)
  const { response } = wellFormed(() => readAuthentication(answer.data))
  if (response !== undefined) return response
  throw new CardError('ERR_DATA', 'The card answers without a result.')
}

export async function signDigest(
  exchange: Exchange,
  key: KeyInfo,
  digest: Uint8Array,
  parameters: SignatureParameters,
): Promise<Uint8Array> {
  const { kind, octets } = ALGORITHMS[key.algorithm]
  if (kind === 'rsa') return (await use(exchange, key, { challenge: rsaBlock(digest, parameters, octets) })).slice()
  if (digest.length === 0 || (digest.length > octets && !DIGEST_LENGTHS.includes(digest.length))) {
    const lengths = `up to ${octets}, or ${DIGEST_LENGTHS.join(', ')}`
    throw new CardError(
      'ERR_DATA',
      `A digest of ${digest.length} octets cannot be signed with ${key.algorithm}. Use ${lengths}.`,
    )
  }
  // FIPS 186-5, 6.4: of a longer digest its leftmost bits are signed, and a card takes no more than those.
  const der = await use(exchange, key, { challenge: digest.subarray(0, octets) })
  return parameters.format === 'der' ? der.slice() : wellFormed(() => ecdsaToRaw(der, octets))
}

/** @throws CardError ERR_DATA, the same for whatever is wrong with the text */
export async function decrypt(
  exchange: Exchange,
  key: KeyInfo,
  ciphertext: Uint8Array,
  { padding = 'oaep', hash = 'SHA-256', label }: DecryptOptions,
): Promise<Uint8Array> {
  const { kind, octets } = ALGORITHMS[key.algorithm]
  const name = parseHash(hash)
  if (kind !== 'rsa')
    throw new CardError('ERR_NOT_SUPPORTED', `A key of ${key.algorithm} does not decrypt: derive a secret with it.`)
  if (ciphertext.length !== octets) {
    throw new CardError('ERR_DATA', `A text for this key has ${octets} octets, and this has ${ciphertext.length}.`)
  }
  // A text that is a number too large for the key is refused by the card, and like all others here.
  const block = await use(exchange, key, { challenge: ciphertext }).catch((error) => {
    throw error instanceof CardError && error.code === 'ERR_DATA' ? notDecrypted() : error
  })
  try {
    return padding === 'pkcs1' ? unpadPkcs1(block) : unpadOaep(block, name, label)
  } finally {
    wipe(block)
  }
}

export async function agree(exchange: Exchange, key: KeyInfo, peer: KeyObject): Promise<Uint8Array> {
  const { kind } = ALGORITHMS[key.algorithm]
  if (kind !== 'ec')
    throw new CardError('ERR_NOT_SUPPORTED', `A key of ${key.algorithm} does not agree on secrets: decrypt with it.`)
  if (peer.type !== 'public') throw new CardError('ERR_DATA', "The other side's key must be a public key.")
  const theirs = wellFormed(() => fromKeyObject(peer), "The other side's key is of a kind that is not known here.")
  if (!('point' in theirs)) throw new CardError('ERR_DATA', "The other side's key is not an EC key.")
  return (await use(exchange, key, { exponentiation: theirs.point })).slice()
}

function wellFormed<T>(
  read: () => T,
  message = "The card's answer is malformed. Take the card out and put it in again.",
): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof TlvError) throw new CardError('ERR_DATA', message, { cause })
    throw cause
  }
}
