// The PIN rule of a key: its policy is computed again from the PIN counter's public area and the table that cards are made by,
// and has to be the one in the key. docs/lock.md explains the table.
import type { KeyObject } from 'node:crypto'
import { equal } from '../bytes.ts'
import { isInNullHierarchy } from '../tpm/codec/attestation.ts'
import { decodeNvPublic, encodeNvPublic, type NvPublic, nvName } from '../tpm/codec/nv.ts'
import { decodePublic, objectName } from '../tpm/codec/public.ts'
import { sized, WireReader } from '../tpm/codec/wire.ts'
import { NV, OBJECT } from '../tpm/constants.ts'
import { indexPublic } from '../tpm/lock/index-public.ts'
import { LOCK, type LockTable, withoutSeal } from '../tpm/lock/table.ts'
import { policyDigest } from '../tpm/policy/digest.ts'
import type { Evidence, PinStatement } from './evidence.ts'
import { demand, Refused } from './refusal.ts'
import { isBound, read, requireCreation, requireName, requireNonce, resetsBetween } from './statements.ts'
import type { TpmKey } from './tpm-key.ts'
import type { AttestedPin } from './verdict.ts'

const TABLES: Readonly<Record<Evidence['lock'], LockTable>> = { 1: withoutSeal(LOCK), 2: LOCK }
const NOBODY = { cardId: new Uint8Array(16), puk: { handle: 0, name: new Uint8Array(0), tries: 0 } }
/** A counter of two numbers of 32 bits. */
const COUNTER_SIZE = 8

const nothing = { limit: undefined, wrong: undefined, burned: undefined, resets: undefined }

/**
 * The rule that the TPM itself enforces; undefined where the evidence does not say which counter the key needs.
 * @throws Refused
 */
export function pinRule(evidence: Evidence, key: TpmKey, ak: KeyObject, nonce: Uint8Array): AttestedPin | undefined {
  const byPassword = (key.attributes & OBJECT.userWithAuth) !== 0
  if (key.authPolicy.length === 0) {
    demand(byPassword, 'key-policy')
    return { policy: 'never', ...nothing }
  }
  demand(!byPassword, 'key-password')
  const { pin } = evidence
  if (pin === undefined) return undefined
  const table = TABLES[evidence.lock]
  const index = readIndex(pin, table)
  const policy = policyOf(key, index, table)
  const counter = pin.counter && readCounter(pin, pin.counter, index, ak, nonce)
  return { policy, ...nothing, ...counter, ...burned(pin, key, ak) }
}

/** The PIN counter, as a card has it and written once. */
function readIndex(pin: PinStatement, table: LockTable): NvPublic {
  const { nv } = decodeNvPublic(sized(pin.public))
  demand(equal(encodeNvPublic(nv), pin.public), 'malformed', 'pin.public')
  demand((nv.attributes & NV.WRITTEN) !== 0, 'index-not-written')
  const unwritten = (nv.attributes & ~NV.WRITTEN) >>> 0
  const wanted = indexPublic('pin', nv.handle, objectName(pin.burnKey), table)
  demand(unwritten === wanted.attributes && nv.dataSize === wanted.dataSize, 'index-attributes')
  demand(equal(nv.authPolicy, wanted.authPolicy), 'index-policy')
  return nv
}

function policyOf(key: TpmKey, index: NvPublic, table: LockTable): 'once' | 'always' {
  // The policies of keys name the PIN counter and nothing else of the card.
  const pin = { handle: index.handle, name: nvName(index), tries: 0 }
  const facts = { ...NOBODY, pin, burnName: new Uint8Array(0) }
  const policy = (['once', 'always'] as const).find((one) =>
    equal(policyDigest(table.keys[one], facts), key.authPolicy),
  )
  if (policy === undefined) throw new Refused('key-policy')
  return policy
}

function readCounter(
  pin: PinStatement,
  statement: NonNullable<PinStatement['counter']>,
  index: NvPublic,
  ak: KeyObject,
  nonce: Uint8Array,
): Pick<AttestedPin, 'limit' | 'wrong'> {
  const certified = read(statement, ak, 'nv')
  requireNonce(certified, nonce)
  demand(equal(certified.name, nvName(index)), 'index-name')
  demand(certified.offset === 0 && certified.contents.length === COUNTER_SIZE, 'malformed', 'pin.counter')
  const contents = new WireReader(certified.contents)
  const [wrong, limit] = [contents.u32(), contents.u32()]
  demand(limit === pin.tries, 'index-limit', `${limit}, and not ${pin.tries}`)
  return { limit, wrong }
}

/** Whether K, which alone could write the counter, is dead. */
function burned(pin: PinStatement, key: TpmKey, ak: KeyObject): Pick<AttestedPin, 'burned' | 'resets'> {
  if (pin.burn === undefined) return { burned: 'claimed', resets: undefined }
  const made = read(pin.burn, ak, 'creation')
  requireName(made, pin.burnKey, 'burn-name')
  requireCreation(made, pin.burn.creationData, 'burn-creation')
  const { attributes } = decodePublic(pin.burnKey, 'any')
  demand(isBound(attributes) && isInNullHierarchy(pin.burn.creationData), 'burn-lasting')
  const resets = resetsBetween(made.clock, key.clock)
  // After a clock that went back, nothing is known: the key certified first.
  if (resets >= 0x8000_0000) return { burned: 'claimed', resets: undefined }
  return { burned: resets > 0 ? 'proved' : 'until-reset', resets }
}
