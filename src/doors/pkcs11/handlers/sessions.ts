// Sessions, PIN and PUK. PKCS #11 v3.1, 5.6; the PUK is the security officer's PIN.
import { accessOf } from '../../../piv/host/card.ts'
import { keepTries } from '../../../piv/host/pins.ts'
import { CKU, CkrError, SESSION_FLAG } from '../codes.ts'
import type { Token } from '../token.ts'
import type { Handler } from './handler.ts'

const open: Handler = async (request, answer, program) => {
  const token = program.token(request.ulong())
  const flags = request.ulong()
  if ((flags & SESSION_FLAG.serial) === 0) throw new CkrError('CKR_SESSION_PARALLEL_NOT_SUPPORTED')
  answer.ulong((await program.open(token, (flags & SESSION_FLAG.write) !== 0)).handle)
}

const info: Handler = (request, answer, program) => {
  const { token, state, flags } = program.session(request.ulong())
  answer.ulong(token.slot).ulong(state).ulong(flags).ulong(0)
}

/** @throws CkrError CKR_ARGUMENTS_BAD where the program gives none */
function secretIn(octets: Uint8Array | undefined): Uint8Array {
  if (octets === undefined) throw new CkrError('CKR_ARGUMENTS_BAD')
  return octets
}

const login: Handler = async (request, _answer, program) => {
  const session = program.session(request.ulong())
  const { token } = session
  const user = request.ulong()
  const pin = secretIn(request.byteArray())
  switch (user) {
    case CKU.user:
      return token.logInUser(pin)
    case CKU.so:
      if (program.sessionsOf(token).some(({ isWritable }) => !isWritable)) {
        throw new CkrError('CKR_SESSION_READ_ONLY_EXISTS')
      }
      return token.logInSo(pin)
    case CKU.contextSpecific: {
      const operation = session.waiting()
      if (token.login !== 'user') throw new CkrError('CKR_USER_NOT_LOGGED_IN')
      await token.verify(pin)
      return operation.givePin(pin)
    }
    default:
      throw new CkrError('CKR_USER_TYPE_INVALID')
  }
}

const logout: Handler = async (request, _answer, program) => {
  const { token } = program.session(request.ulong())
  await token.logOut()
  for (const session of program.sessionsOf(token)) {
    session.found = undefined
    session.end('sign')
    session.end('decrypt')
  }
}

/** Who knows the PUK sets a new PIN. */
const initPin: Handler = async (request, _answer, program) => {
  const { token } = program.session(request.ulong())
  const newPin = secretIn(request.byteArray())
  if (token.login !== 'so') throw new CkrError('CKR_USER_NOT_LOGGED_IN')
  const card = await token.card()
  await token.keepPuk(card)
  await card.unblockPin({ puk: token.puk, newPin })
}

const setPin: Handler = async (request, _answer, program) => {
  const session = program.session(request.ulong())
  const { token } = session
  const old = secretIn(request.byteArray())
  const next = secretIn(request.byteArray())
  session.demandWritable()
  const card = await token.card()
  if (token.login === 'so') {
    await token.keepPuk(card)
    await card.changePuk({ puk: old, newPuk: next })
    token.puk = next
  } else await changePin(token, old, next)
}

async function changePin(token: Token, pin: Uint8Array, newPin: Uint8Array): Promise<void> {
  const card = await token.card()
  keepTries((await card.pinStatus()).triesLeft, token.leastTries)
  await card.changePin({ pin, newPin })
  // It leaves the PIN verified, also for one use of a key that wants the PIN each time.
  if (token.login === 'user') await accessOf(card).verify(newPin, 0, true)
  else await card.lock()
}

export const SESSIONS = {
  C_OpenSession: open,
  C_CloseSession: (request, _answer, program) => program.end(program.session(request.ulong())),
  C_CloseAllSessions: (request, _answer, program) => program.end(...program.sessionsOf(program.token(request.ulong()))),
  C_GetSessionInfo: info,
  C_Login: login,
  C_Logout: logout,
  C_InitPIN: initPin,
  C_SetPIN: setPin,
} as const satisfies Record<string, Handler>
