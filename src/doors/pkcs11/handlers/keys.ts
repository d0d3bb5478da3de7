// Uses of keys, and new ones. PKCS #11 v3.1, 5.9, 5.13 and 5.18.
import { wipe } from '../../../bytes.ts'
import { hasCode } from '../../../errors.ts'
import { accessOf } from '../../../piv/host/card.ts'
import type { KeyInfo } from '../../../piv/host/key-info.ts'
import type { Operation } from '../../../piv/host/keys.ts'
import type { KeyUse } from '../../../piv/host/pin-request.ts'
import { CKA } from '../attributes.ts'
import { CkrError } from '../codes.ts'
import type { FieldWriter } from '../field-writer.ts'
import { KeyOperation } from '../key-operation.ts'
import { readMechanism } from '../mechanisms.ts'
import { decryption, derivation, resultLength, signature } from '../operations.ts'
import type { Session, Use } from '../program.ts'
import { roomFor } from '../rooms.ts'
import type { Token } from '../token.ts'
import type { Handler } from './handler.ts'

/** A private key for that mechanism. One that wants a login is seen only after it. @throws CkrError */
async function usableKey(token: Token, handle: number, kind: 'ec' | 'rsa'): Promise<KeyInfo> {
  const { key } = await token.object(handle).catch(() => noKey())
  if (key === undefined) throw new CkrError('CKR_KEY_HANDLE_INVALID')
  if (key.algorithm.startsWith('RSA') !== (kind === 'rsa')) throw new CkrError('CKR_KEY_TYPE_INCONSISTENT')
  return key
}

function noKey(): never {
  throw new CkrError('CKR_KEY_HANDLE_INVALID')
}

const begin =
  (use: Use): Handler =>
  async (request, _answer, program) => {
    const session = program.session(request.ulong())
    const mechanism = readMechanism(request, use)
    if (mechanism === undefined) return session.end(use)
    const key = await usableKey(session.token, request.ulong(), mechanism.kind)
    session.begin(use, new KeyOperation(mechanism, key))
  }

const sign: Handler = async (request, answer, program) => {
  const session = program.session(request.ulong())
  const message = request.byteArray() ?? new Uint8Array(0)
  const room = request.uint32()
  const operation = session.operation('sign')
  if (operation.hasParts) throw new CkrError('CKR_OPERATION_ACTIVE')
  await ending(session, 'sign', async () => {
    if (isTooSmall(answer, room, resultLength(operation.key))) return false
    operation.update(message)
    return signNow(session, answer, operation)
  })
}

const update: Handler = async (request, _answer, program) => {
  const session = program.session(request.ulong())
  const part = request.byteArray() ?? new Uint8Array(0)
  const operation = session.operation('sign')
  await ending(session, 'sign', async () => {
    operation.update(part)
    return false
  })
}

const signFinal: Handler = async (request, answer, program) => {
  const session = program.session(request.ulong())
  const room = request.uint32()
  const operation = session.operation('sign')
  await ending(session, 'sign', async () =>
    isTooSmall(answer, room, resultLength(operation.key)) ? false : signNow(session, answer, operation),
  )
}

async function signNow({ token }: Session, answer: FieldWriter, operation: KeyOperation): Promise<true> {
  answer.byteArray(await use(token, 'sign', operation, () => signature(operation.mechanism, operation.input())))
  return true
}

const decrypt: Handler = async (request, answer, program) => {
  const session = program.session(request.ulong())
  const ciphertext = request.byteArray() ?? new Uint8Array(0)
  const room = request.uint32()
  const operation = session.operation('decrypt')
  await ending(session, 'decrypt', async () => {
    // The length of the text is not known before: a program that asks for it is told the most it can be.
    if (room === 0) return !isTooSmall(answer, room, resultLength(operation.key))
    if (operation.result === undefined) {
      operation.keep(
        await use(session.token, 'decrypt', operation, () => decryption(operation.mechanism, ciphertext)).catch(
          (error: unknown) => {
            throw hasCode(error, 'ERR_DATA') ? new CkrError('CKR_ENCRYPTED_DATA_INVALID') : error
          },
        ),
      )
    }
    const text = operation.result ?? new Uint8Array(0)
    if (isTooSmall(answer, room, text.length)) return false
    answer.byteArray(text)
    return true
  })
}

/** Writes the length alone where there is no room for the result. The operation goes on then. */
function isTooSmall(answer: FieldWriter, room: number, length: number): boolean {
  if (roomFor(room) >= length && room !== 0) return false
  answer.lengthOnly(length)
  return true
}

/** An operation ends with its result, and with every error except that the PIN is missing. */
async function ending(session: Session, use: Use, work: () => Promise<boolean>): Promise<void> {
  try {
    if (await work()) session.end(use)
  } catch (error) {
    session.end(use)
    throw error
  }
}

/** @throws CkrError CKR_USER_NOT_LOGGED_IN where the key wants the PIN for every use and it was not given for this one */
function use(token: Token, what: KeyUse, operation: KeyOperation, work: () => Operation): Promise<Uint8Array> {
  if (operation.wantsPin) throw new CkrError('CKR_USER_NOT_LOGGED_IN')
  const { key, pin } = operation
  const minTriesLeft = token.leastTries
  return token.using((card) => accessOf(card).use(key.slot, what, pin === undefined ? {} : { pin, minTriesLeft }, work))
}

const derive: Handler = async (request, answer, program) => {
  const { token, handle } = program.session(request.ulong())
  const mechanism = readMechanism(request, 'derive')
  if (mechanism === undefined) throw new CkrError('CKR_MECHANISM_INVALID')
  const key = await usableKey(token, request.ulong(), mechanism.kind)
  const template = new Map(request.attributes().map(({ type, value }) => [type, value]))
  const secret = await use(token, 'derive', new KeyOperation(mechanism, key), () => derivation(mechanism, key))
  const wanted = template.get(CKA.valueLength)
  const label = template.get(CKA.label)
  try {
    // PKCS #11 v3.1, 6.3.20: octets are taken away from the front.
    const length = typeof wanted === 'number' && wanted > 0 ? wanted : secret.length
    if (length > secret.length) throw new CkrError('CKR_TEMPLATE_INCONSISTENT')
    const kept = secret.slice(secret.length - length)
    answer.ulong(token.objects.addSecret(handle, kept, typeof label === 'object' ? label : new Uint8Array(0)))
  } finally {
    wipe(secret)
  }
}

export const KEYS = {
  C_SignInit: begin('sign'),
  C_Sign: sign,
  C_SignUpdate: update,
  C_SignFinal: signFinal,
  C_DecryptInit: begin('decrypt'),
  C_Decrypt: decrypt,
  C_DeriveKey: derive,
} as const satisfies Record<string, Handler>
