// The kinds of value that only card files contain; ../../files/schema.ts has the others.
import * as v from 'valibot'
import { integer, octets } from '../../files/schema.ts'
import { CARD_NAME } from '../../home/home.ts'

export const cardName = v.pipe(v.string(), v.regex(CARD_NAME))

/** A TPM Name over SHA-256: algorithm and digest (TPM 2.0 Library, part 1, "Names"). */
export const tpmName = octets(34)
/** NV index (TPM 2.0 Library, part 2, TPM_HT_NV_INDEX). */
export const nvHandle = integer(0x0100_0000, 0x01ff_ffff)
/** Persistent object (TPM_HT_PERSISTENT). */
export const persistentHandle = integer(0x8100_0000, 0x81ff_ffff)
