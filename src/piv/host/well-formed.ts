// Malformed answers of cards: an error where the data is needed, and ignored where it is not.
import { CardError } from '../../errors.ts'
import { TlvError } from '../../iso7816/tlv.ts'

/** @throws CardError ERR_DATA in place of TlvError */
export function wellFormed<T>(
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
