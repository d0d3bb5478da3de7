// Looking at a TPM past the product: what is defined and loaded in it.
import { CC } from '../support/codes.ts'
import { ALG, OBJECT } from '../support/templates.ts'
import { answerOutput, command, concat, EMPTY, Reader, tpm2b, u16, u32 } from '../support/wire.ts'

export type Transmit = (command: Uint8Array) => Promise<Uint8Array>

/** Handles from `first` on, of that type. */
export async function handles(transmit: Transmit, first: number): Promise<number[]> {
  const params = concat(u32(1), u32(first), u32(64))
  const answer = new Reader(answerOutput(CC.GetCapability, await transmit(command(CC.GetCapability, [], params))))
  answer.take(5)
  return Array.from({ length: answer.u32() }, answer.u32)
}

/** NV indices of the owner's range. */
export const nvIndices = (transmit: Transmit): Promise<number[]> => handles(transmit, 0x01800000)

/** TPM2B_PUBLIC of a P-256 key that signs, is used by its password and counts failures. */
export const signingKey = (): Uint8Array => {
  const attributes = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth
  const words = [ALG.null, ALG.null, 3, ALG.null].map(u16)
  return tpm2b(u16(ALG.ecc), u16(ALG.sha256), u32(attributes | OBJECT.sign), EMPTY, ...words, EMPTY, EMPTY)
}
