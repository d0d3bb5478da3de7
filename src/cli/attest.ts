// What the commands about evidence share.
import { NONCE_OCTETS } from '../attest/formats.ts'
import { fromHex } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { TEXT } from './messages.ts'

const [SHORTEST, LONGEST] = NONCE_OCTETS

/** @throws UsageError ERR_USAGE */
export function nonceOf(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  const nonce = fromHex(text)
  if (nonce !== undefined && nonce.length >= SHORTEST && nonce.length <= LONGEST) return nonce
  throw new UsageError('ERR_USAGE', TEXT.error.nonce(SHORTEST, LONGEST))
}
