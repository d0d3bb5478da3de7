// Errors as return values of PKCS #11.
import { hasCode, isCardError } from '../../errors.ts'
import { CKR, type Ckr, CkrError } from './codes.ts'
import { MessageError } from './field-reader.ts'

export interface Fault {
  readonly rv: number
  /** Somebody should hear of it: the program is told little. */
  readonly isTrouble: boolean
}

const isCkr = (name: string | undefined): name is Ckr => name !== undefined && name in CKR

/** The last try is kept: to a program, which cannot be told why, the PIN is locked. */
const KEPT = 'ERR_PIN_LAST_TRY'

export function faultOf(error: unknown): Fault {
  if (error instanceof CkrError) return { rv: CKR[error.ckr], isTrouble: false }
  if (error instanceof MessageError) return { rv: CKR.CKR_DEVICE_ERROR, isTrouble: false }
  const ckr = hasCode(error, KEPT) ? 'CKR_PIN_LOCKED' : isCardError(error) ? error.ckr : undefined
  return isCkr(ckr) ? { rv: CKR[ckr], isTrouble: false } : { rv: CKR.CKR_DEVICE_ERROR, isTrouble: true }
}
