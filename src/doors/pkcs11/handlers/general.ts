// The library, its slots and tokens, and what each can do. PKCS #11 v3.1, 5.4 and 5.5.
import { randomFillSync } from 'node:crypto'
import { space } from '../../../bytes.ts'
import type { PinStatus } from '../../../piv/host/pins.ts'
import { CkrError, SLOT_FLAG, TOKEN_FLAG, UNAVAILABLE } from '../codes.ts'
import { mechanismInfo, mechanismTypes } from '../mechanisms.ts'
import { roomFor } from '../rooms.ts'
import type { Token } from '../token.ts'
import type { Handler } from './handler.ts'

const MAKER = 'Tessera'
const HANDSHAKE = 'PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1'
const MOST_RANDOM = 1024 * 1024

const initialize: Handler = (request, _answer, program) => {
  const handshake = request.byteArray()
  if (handshake === undefined || Buffer.from(handshake).toString('latin1') !== HANDSHAKE) {
    throw new CkrError('CKR_GENERAL_ERROR')
  }
  if (program.isInitialized) throw new CkrError('CKR_CRYPTOKI_ALREADY_INITIALIZED')
  program.isInitialized = true
}

const slotList: Handler = (request, answer, { tokens }) => {
  request.byte()
  answer.ulongs(
    tokens.map(({ slot }) => slot),
    roomFor(request.uint32()),
  )
}

const slotInfo: Handler = (request, answer, program) => {
  const { label, isRemovable } = program.token(request.ulong()).source
  const flags = SLOT_FLAG.tokenPresent | SLOT_FLAG.hardware | (isRemovable ? SLOT_FLAG.removable : 0)
  answer.text(label, 64).text(MAKER, 32).ulong(flags).version(0, 0).version(0, 0)
}

const tokenInfo: Handler = async (request, answer, program) => {
  const token = program.token(request.ulong())
  const { serial, isOwned } = await token.facts()
  const status = await (await token.card()).pinStatus()
  const sessions = program.sessionsOf(token)
  const writable = sessions.filter(({ isWritable }) => isWritable).length
  answer
    .text(token.source.label, 32)
    .text(MAKER, 32)
    .text(isOwned ? 'PIV in a TPM' : 'PIV', 16)
    .text(serial, 16)
    .ulong(tokenFlags(status, token))
  answer.ulong(0).ulong(sessions.length).ulong(0).ulong(writable)
  answer.ulong(8).ulong(isOwned ? 6 : 4)
  for (let memory = 0; memory < 4; memory += 1) answer.ulong(UNAVAILABLE)
  answer.version(0, 0).version(0, 0).text('', 16)
}

/** A card whose last tries are kept counts as locked here: no PIN is sent to it any more. */
function tokenFlags({ triesLeft, tries, mustChange, puk }: PinStatus, { leastTries }: Token): number {
  const { rng, loginRequired, userPinInitialized, tokenInitialized } = TOKEN_FLAG
  let flags = rng | loginRequired | userPinInitialized | tokenInitialized
  if (mustChange) flags |= TOKEN_FLAG.userPinToBeChanged
  const { userPinCountLow, userPinFinalTry, userPinLocked, soPinCountLow, soPinFinalTry, soPinLocked } = TOKEN_FLAG
  flags |= triesFlags(triesLeft, tries, leastTries, [userPinCountLow, userPinFinalTry, userPinLocked])
  return flags | triesFlags(puk?.triesLeft, puk?.tries, leastTries, [soPinCountLow, soPinFinalTry, soPinLocked])
}

function triesFlags(
  left: number | undefined,
  tries: number | undefined,
  least: number,
  [low, final, locked]: readonly [low: number, final: number, locked: number],
): number {
  if (left === undefined) return 0
  if (left < least) return low | locked
  if (left === least) return low | final
  return tries !== undefined && left < tries ? low : 0
}

const mechanismList: Handler = async (request, answer, program) => {
  const token = program.token(request.ulong())
  answer.ulongs(mechanismTypes((await token.facts()).isOwned), roomFor(request.uint32()))
}

const mechanism: Handler = async (request, answer, program) => {
  const token = program.token(request.ulong())
  const type = request.ulong()
  const { isOwned } = await token.facts()
  if (!mechanismTypes(isOwned).includes(type)) throw new CkrError('CKR_MECHANISM_INVALID')
  for (const value of mechanismInfo(type)) answer.ulong(value)
}

const random: Handler = (request, answer, program) => {
  program.session(request.ulong())
  const length = roomFor(request.uint32())
  if (length > MOST_RANDOM) throw new CkrError('CKR_ARGUMENTS_BAD')
  answer.byteArray(randomFillSync(space(length)))
}

const waitForSlotEvent: Handler = (request) => {
  const isBlocking = (request.ulong() & DONT_BLOCK) === 0
  throw new CkrError(isBlocking ? 'CKR_FUNCTION_NOT_SUPPORTED' : 'CKR_NO_EVENT')
}
const DONT_BLOCK = 1

export const GENERAL = {
  C_Initialize: initialize,
  C_Finalize: (_request, _answer, program) => program.close(),
  C_GetInfo: (_request, answer) => void answer.version(2, 40).text(MAKER, 32).ulong(0).text(MAKER, 32).version(0, 1),
  C_GetSlotList: slotList,
  C_GetSlotInfo: slotInfo,
  C_GetTokenInfo: tokenInfo,
  C_GetMechanismList: mechanismList,
  C_GetMechanismInfo: mechanism,
  C_GenerateRandom: random,
  C_SeedRandom: (request, _answer, program) => {
    program.session(request.ulong())
    throw new CkrError('CKR_RANDOM_SEED_NOT_SUPPORTED')
  },
  C_WaitForSlotEvent: waitForSlotEvent,
} as const satisfies Record<string, Handler>
