// How answers are read here: lengths in any form that ISO/IEC 7816-4, 5.2.2 has, so that an assertion about something else
// does not fail for them. A length that is not in its shortest form is said: `isShortest`.
import * as tlv from '../../../iso7816/tlv.ts'

export const readTlvs = (octets: Uint8Array): tlv.Tlv[] => tlv.readTlvs(octets, 'BER')
export const unwrap = (octets: Uint8Array, tag: number): Uint8Array => tlv.unwrap(octets, tag, 'BER')

/** Whether lengths are in their shortest form, in a data object and in those inside it; true of what is none. */
export function isShortest(octets: Uint8Array): boolean {
  const objects = tlv.ifWellFormed(() => readTlvs(octets))
  if (objects === undefined) return true
  const isDer = tlv.ifWellFormed(() => tlv.readTlvs(octets)) !== undefined
  return (
    isDer &&
    objects.every(
      ({ value }) =>
        tlv.ifWellFormed(() => readTlvs(value)) === undefined ||
        tlv.ifWellFormed(() => tlv.readTlvs(value)) !== undefined,
    )
  )
}
