// Private keys from the host's side: GENERATE, and GENERAL AUTHENTICATE. SP 800-73-5 part 2, 3.2.4 and 3.3.1.
import type { KeyObject } from 'node:crypto'
import { copyOf, wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { TlvError } from '../../iso7816/tlv.ts'
import { ALGORITHMS, type Algorithm, CARD_ALGORITHMS, HASHES, parseHash } from '../algorithms.ts'
import { ecdsaInDer, ecdsaToRaw } from '../ecdsa.ts'
import { algorithmOf, fromKeyObject, readPublicKey, toKeyObject } from '../public-key.ts'
import { keyReference, PIN_POLICY_IDS, type PinPolicy, type Slot } from '../slots.ts'
import {
  ASKED,
  type Authentication,
  readAuthenticationAnswer,
  writeAuthentication,
  writeKeyTemplate,
} from '../templates.ts'
import type { Answer, Exchange, HostCommand } from './exchange.ts'
import type { KeyInfo } from './key-info.ts'
import { type DecryptOptions, notDecrypted, unpadOaep, unpadPkcs1 } from './padding.ts'
import { refusal } from './refusals.ts'
import { rsaBlock, type SignatureParameters } from './signature.ts'
import { wellFormed } from './well-formed.ts'

const DIGEST_LENGTHS: readonly number[] = Object.values(HASHES)
const INS = { generalAuthenticate: 0x87, generateKeyPair: 0x47 } as const

export async function generate(
  exchange: Exchange,
  slot: Slot,
  algorithm: Algorithm,
  pinPolicy: PinPolicy | undefined,
): Promise<KeyObject> {
  const policy = pinPolicy && { pinPolicy: PIN_POLICY_IDS[pinPolicy] }
  const data = writeKeyTemplate({ algorithm: ALGORITHMS[algorithm].id, ...policy })
  const command = { ins: INS.generateKeyPair, p1: 0x00, p2: keyReference(slot), data, answer: true }
  const answer = await exchange.send(command)
  if (answer.sw !== SW.OK) throw refusal('manage', answer)
  return wellFormed(() => {
    const made = readPublicKey(answer.data)
    // A card may know weaker keys than the one that it was asked for.
    if (algorithmOf(made) !== algorithm) throw new TlvError('the new key is of another algorithm than was asked for')
    return toKeyObject(made)
  })
}

/** One private-key operation, split into what comes before the card is reached and what comes after. */
export interface Operation {
  /** What is asked of the key. @throws CardError for input that the key cannot take */
  ask(key: KeyInfo): Authentication
  /** Turns the key's answer, a view, into the result. @throws CardError */
  read(response: Uint8Array, key: KeyInfo): Uint8Array
  /** The error for a refusal, where it means more than the status word says. */
  refused?(error: unknown): unknown
}

/** The command for one operation, with everything computed. */
export function commandFor(operation: Operation, key: KeyInfo): HostCommand {
  const data = writeAuthentication({ response: ASKED, ...operation.ask(key) })
  const { id } = CARD_ALGORITHMS[key.algorithm]
  return { ins: INS.generalAuthenticate, p1: id, p2: keyReference(key.slot), data, answer: true }
}

/** The key's answer: a view. @throws CardError, PinError for a refusal */
export function responseIn(answer: Answer): Uint8Array {
  if (answer.sw !== SW.OK) throw refusal('useKey', answer)
  const { response } = wellFormed(() => readAuthenticationAnswer(answer.data))
  if (response !== undefined) return response
  throw new CardError('ERR_DATA', 'The card answers without a result.')
}

class Signing implements Operation {
  readonly #digest: Uint8Array
  readonly #parameters: SignatureParameters

  constructor(digest: Uint8Array, parameters: SignatureParameters) {
    this.#digest = digest
    this.#parameters = parameters
  }

  ask({ algorithm }: KeyInfo): Authentication {
    const digest = this.#digest
    const { kind, octets } = CARD_ALGORITHMS[algorithm]
    if (kind === 'rsa') return { challenge: rsaBlock(digest, this.#parameters, octets) }
    if (digest.length === 0 || (digest.length > octets && !DIGEST_LENGTHS.includes(digest.length))) {
      const lengths = `up to ${octets}, or ${DIGEST_LENGTHS.join(', ')}`
      throw new CardError(
        'ERR_DATA',
        `A digest of ${digest.length} octets cannot be signed with ${algorithm}. Use ${lengths}.`,
      )
    }
    // FIPS 186-5, 6.4: only the leftmost bits of a longer digest are signed, and a card takes no more than those.
    return { challenge: digest.length > octets ? digest.subarray(0, octets) : digest }
  }

  read(response: Uint8Array, { algorithm }: KeyInfo): Uint8Array {
    const { kind, octets } = CARD_ALGORITHMS[algorithm]
    if (kind === 'rsa') return response.slice()
    const { format } = this.#parameters
    return wellFormed(() => (format === 'der' ? ecdsaInDer(response) : ecdsaToRaw(response, octets)))
  }
}

export const signing = (digest: Uint8Array, parameters: SignatureParameters): Operation =>
  new Signing(digest, parameters)

/** Every refusal is the same error, ERR_DATA, whatever is wrong with the ciphertext. */
export function decryption(
  ciphertext: Uint8Array,
  { padding = 'oaep', hash = 'SHA-256', label }: DecryptOptions,
): Operation {
  const name = parseHash(hash)
  return rsaDecryption(ciphertext, (block) => (padding === 'pkcs1' ? unpadPkcs1(block) : unpadOaep(block, name, label)))
}

/** The raw RSA operation on a ciphertext. `unpad` is given the block, which is wiped after it. */
export function rsaDecryption(ciphertext: Uint8Array, unpad: (block: Uint8Array) => Uint8Array): Operation {
  return {
    ask({ algorithm }) {
      const { kind, octets } = CARD_ALGORITHMS[algorithm]
      if (kind !== 'rsa')
        throw new CardError(
          'ERR_NOT_SUPPORTED',
          `Only an RSA key decrypts, and this one is ${algorithm}. It derives secrets (deriveSecret).`,
        )
      if (ciphertext.length === octets) return { challenge: ciphertext }
      throw new CardError('ERR_DATA', `A text for this key has ${octets} octets, and this has ${ciphertext.length}.`)
    },
    read(block) {
      try {
        return unpad(block)
      } finally {
        wipe(block)
      }
    },
    // A ciphertext that is too large a number for the key is refused by the card, with the same error as all others here.
    refused: (error) => (error instanceof CardError && error.code === 'ERR_DATA' ? notDecrypted() : error),
  }
}

export const agreement = (peer: KeyObject): Operation => ({
  ask({ algorithm }) {
    if (CARD_ALGORITHMS[algorithm].kind !== 'ec')
      throw new CardError('ERR_NOT_SUPPORTED', `A key of ${algorithm} does not agree on secrets: decrypt with it.`)
    if (peer.type !== 'public') throw new CardError('ERR_DATA', "The other side's key must be a public key.")
    const theirs = wellFormed(() => fromKeyObject(peer), "The other side's key is of a kind that is not known here.")
    if ('point' in theirs) return { exponentiation: theirs.point }
    throw new CardError('ERR_DATA', "The other side's key is not an EC key.")
  },
  read(response) {
    const secret = copyOf(response)
    wipe(response)
    return secret
  },
})
