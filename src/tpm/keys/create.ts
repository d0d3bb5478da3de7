// Keys in the TPM: their templates and their creation. docs/lock.md, "What is in the TPM".
import { CardError } from '../../errors.ts'
import type { NativeAuth, NativeCommand } from '../../native.ts'
import type { Algorithm } from '../../piv/algorithms.ts'
import type { PinPolicy } from '../../piv/slots.ts'
import { keyTemplate } from '../codec/public.ts'
import { EMPTY_SIZED, sized, u32, type WireReader } from '../codec/wire.ts'
import { bySession, command } from '../command.ts'
import { CC, OBJECT } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { responseOf } from '../failure.ts'
import type { LockContext } from '../lock/context.ts'
import { policyDigest } from '../policy/digest.ts'
import type { Srk } from '../srk.ts'
import type { CardFileKey } from '../store/card-file.ts'

/** The key never leaves this TPM. Imported keys cannot have these attributes. */
const BOUND = OBJECT.fixedTPM | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin
/** `noDA` keeps the TPM's global lockout from affecting it. */
const COMMON = OBJECT.noDA | OBJECT.sign | OBJECT.decrypt

/**
 * TPMA_OBJECT of a card key. Only `never` keys may be used with their (empty) authValue. Without adminWithPolicy that
 * authValue allows TPM2_Certify and TPM2_ObjectChangeAuth, neither of which leads to a use: docs/lock.md, "Attested".
 */
export function keyAttributes({ pinPolicy, origin, certifiable }: KeyKind): number {
  const use = pinPolicy === 'never' ? OBJECT.userWithAuth : 0
  const admin = certifiable === true ? 0 : OBJECT.adminWithPolicy
  return COMMON | use | admin | (origin === 'generated' ? BOUND : 0)
}

type KeyKind = Pick<CardFileKey, 'pinPolicy' | 'origin' | 'certifiable'>

/** authPolicy of a card key: the policy's digest; empty for `never`. */
export function keyPolicy(context: Pick<LockContext, 'table' | 'facts'>, pinPolicy: PinPolicy): Uint8Array {
  const policy = context.table.keys[pinPolicy]
  return policy.length === 0 ? new Uint8Array(0) : policyDigest(policy, context.facts)
}

/**
 * Makes a key under the SRK. Its creation data are kept: without them it could never be attested later.
 * @throws CardError ERR_NOT_SUPPORTED for an algorithm that the TPM does not have
 */
export async function createKey(
  device: TpmDevice,
  srk: Srk,
  algorithm: Algorithm,
  pinPolicy: PinPolicy,
  authPolicy: Uint8Array,
): Promise<CardFileKey> {
  const kind = { pinPolicy, origin: 'generated', certifiable: true } as const
  const template = keyTemplate(algorithm, keyAttributes(kind), authPolicy)
  const noSecret = sized(new Uint8Array([0, 0, 0, 0]))
  try {
    const answer = await asSrk(device, srk, (auth) =>
      command(CC.Create, [srk], [auth], noSecret, sized(template), EMPTY_SIZED, u32(0)),
    )
    const [privateArea, publicArea] = [sized(answer.sized()), sized(answer.sized())]
    const creation = { data: sized(answer.sized()), hash: answer.sized(), ticket: answer.rest() }
    return { algorithm, ...kind, public: publicArea, private: privateArea, creation }
  } catch (error) {
    throw unsupported(algorithm, error)
  }
}

/**
 * Runs a command that the SRK authorises, in a salted session. The command needs no secret, but only the session shows
 * that the answer is the TPM's own. A key swapped or damaged on its way would otherwise replace a good one.
 */
export function asSrk(device: TpmDevice, srk: Srk, build: (auth: NativeAuth) => NativeCommand): Promise<WireReader> {
  return device.withSession('hmac', srk, (session) => {
    const one = build(bySession(session.handle))
    return device.keys.makingRoom(() => device.call(one))
  })
}

/** Turns the answer of a TPM without an algorithm into an error with its name; other errors pass unchanged. */
export function unsupported(algorithm: Algorithm, error: unknown): unknown {
  if (!['CURVE', 'VALUE', 'KEY_SIZE', 'ASYMMETRIC', 'TYPE'].includes(responseOf(error) ?? '')) return error
  return new CardError(
    'ERR_NOT_SUPPORTED',
    `This TPM does not have ${algorithm}. Use another algorithm; every TPM 2.0 has P-256 and RSA-2048.`,
    { cause: error },
  )
}
