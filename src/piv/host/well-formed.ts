// Answers of cards that are not what they should be: an error where they are needed, nothing said where they are not.
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
