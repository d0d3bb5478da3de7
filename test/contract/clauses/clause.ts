// What clauses of the contract share.
import { constants, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import type { CardChannel } from '../../../src/channel.ts'
import { type Card, CardError, type ErrorCode, PinError, type SignatureOptions } from '../../../src/index.ts'
import { between } from '../../support/channels.ts'
import { PIN, type Subject } from '../subjects.ts'

/** A channel that tells of each command before it is sent. */
export function watched(channel: CardChannel, sends: (apdu: Uint8Array) => void): CardChannel {
  const through: Parameters<typeof between>[1] = (apdu, transmit) => {
    sends(apdu)
    return transmit(apdu)
  }
  const { local, reader, extended } = channel
  const { transaction, reset, close } = between(channel, through)
  return {
    ...{ atr: channel.atr, transaction, reset, close },
    ...(local && { local }),
    ...(reader !== undefined && { reader }),
    ...(extended !== undefined && { extended }),
    ...(channel.generation !== undefined && {
      get generation() {
        return channel.generation ?? 0
      },
    }),
  }
}

/** Things that every card does, each named by what it says. The subject has no cards when a clause begins. */
export type Clauses = Readonly<Record<string, (subject: Subject) => Promise<void>>>

export const NEW_PIN = '71650842'
export const WRONG_PIN = '000001'
export const NEW_PUK = 'Or-else!'
export const WRONG_PUK = 'oh dear!'
/** Of somebody else. Made once: it takes a while. */
export const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const message = new TextEncoder().encode('A message to sign.')

/** What `work` is refused with: a typed error of this code. */
export async function refused(code: ErrorCode, work: () => Promise<unknown>): Promise<CardError> {
  let error: unknown
  try {
    await work()
  } catch (thrown) {
    error = thrown
  }
  if (error === undefined) throw new Error(`${code} was expected, and nothing was refused`)
  if (error instanceof CardError && error.code === code) return error
  throw new Error(`${code} was expected, and this came: ${inspect(error)}`)
}

/** As `refused`, for a change that wants the PIN of the owner in this process, and the admin key of everybody else. */
export async function forbidden(work: () => Promise<unknown>): Promise<void> {
  const code = await work().then(
    () => 'changed',
    (error) => error.code,
  )
  assert.ok(['ERR_PIN_REQUIRED', 'ERR_ADMIN_REQUIRED'].includes(code), code)
}

/** As `refused`, for a wrong PIN or PUK: so many tries are left. */
export async function wrong(code: ErrorCode, left: number, work: () => Promise<unknown>): Promise<void> {
  const error = await refused(code, work)
  assert.ok(error instanceof PinError)
  assert.equal([error.triesLeft, error.sw], [left, 0x63c0 | left])
}

/** Fails unless `key` signed `data` in this way. */
export function assertSigned(
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  options: SignatureOptions = {},
): void {
  const { hash = 'SHA-256', format, padding } = options
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const how = {
    key,
    dsaEncoding: format === 'raw' ? ('ieee-p1363' as const) : ('der' as const),
    ...(padding === 'pss' ? pss : {}),
  }
  const name = hash.replace('-', '').toLowerCase()
  const what = `${inspect(key.asymmetricKeyDetails)} ${inspect(options)}`
  assert.ok(verify(name, data, how, signature), what)
  const other = Uint8Array.from(signature)
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1
  assert.not(verify(name, data, how, other), `a signature with a bit turned: ${what}`)
}

/** A card that may be changed, with its PIN verified. */
export async function ready(subject: Subject): Promise<Card> {
  const { card } = await subject.fresh()
  await subject.manage(card)
  await card.verifyPin(PIN)
  return card
}

/** Signs with a key and checks the signature. Nothing is asked of the card before. */
export async function signs(card: Card, slot: string, options: Parameters<Card['sign']>[2] = {}): Promise<void> {
  const signature = await card.sign(slot, message, options)
  assertSigned((await card.keyInfo(slot)).publicKey, message, signature)
}
