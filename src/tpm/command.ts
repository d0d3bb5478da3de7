// TPM commands as values. Names and order of parameters: TPM 2.0 Library, Part 3.
import { concat } from '../bytes.ts'
import type { NativeAuth, NativeCommand } from '../native.ts'
import type { Entity } from './codec/nv.ts'
import { EMPTY } from './codec/wire.ts'
import { CC, RH, SESSION } from './constants.ts'

/** A handle that is its own Name (permanent handle, session), or a handle with its Name. */
export type Target = number | Entity

/** `code`: one of CC. `params`: the parameter area, in parts. */
export function command(
  code: number,
  targets: readonly Target[],
  auths: readonly NativeAuth[],
  ...params: readonly Uint8Array[]
): NativeCommand {
  return {
    command: code,
    handles: targets.map((target) => (typeof target === 'number' ? target : target.handle)),
    names: targets.map((target) => (typeof target === 'number' ? EMPTY : target.name)),
    auths,
    params: params.length === 1 && params[0] !== undefined ? params[0] : concat(...params),
  }
}

/** A password authorisation with the empty password: for entities that have none (SRK, `never` keys, most owners). */
export const NO_PASSWORD: NativeAuth = { session: RH.RS_PW, attributes: SESSION.continueSession }

/** Authorisation by a session, kept afterwards. `authValue` is the entity's, for HMAC sessions. */
export function bySession(session: number, authValue?: Uint8Array): NativeAuth {
  return { session, authValue, attributes: SESSION.continueSession }
}

/** A session that authorises nothing and encrypts the first parameter on the wire. */
export function encrypting(session: number): NativeAuth {
  return { session, attributes: SESSION.continueSession | SESSION.decrypt }
}

/** A session that authorises nothing and makes the TPM encrypt the first parameter of its answer. */
export function decrypting(session: number): NativeAuth {
  return { session, attributes: SESSION.continueSession | SESSION.encrypt }
}

/** A session that authorises nothing and authenticates the answer: its HMAC shows that the TPM sent it. */
export function vouching(session: number): NativeAuth {
  return { session, attributes: SESSION.continueSession | SESSION.audit }
}

/** PolicyTicket by a ticket that the native side keeps: done ahead of the next use of `session`. */
export function keptTicket(session: number, ticket: number): NativeCommand {
  return { command: CC.PolicyTicket, handles: [session], names: NONE, auths: NONE, params: EMPTY, ticket }
}

const NONE: readonly never[] = []
