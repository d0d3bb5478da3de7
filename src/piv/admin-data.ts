// How Yubico's programs let the PIN stand for the admin key: the key itself is in an object that is read with the PIN alone
// (printed information), and a flag in an object of theirs says so. As ykman and yubico-piv-tool write them.
import { find, readableTlvs, type Tlv, tlv } from '../iso7816/tlv.ts'

/** Yubico's object, and the one of PIV that holds the key. */
export const ADMIN_DATA = '5fff00'
export const PROTECTED_DATA = 'printed-information'

const TAG = { adminData: 0x80, flags: 0x81, salt: 0x82, protectedData: 0x88, key: 0x89 } as const
const PROTECTED = 0x02

const partsIn = (content: Uint8Array | undefined, outer: number): Tlv[] => {
  const found = content && find(readableTlvs(content), outer)
  return found === undefined ? [] : readableTlvs(found)
}

const flagsIn = (parts: readonly Tlv[]): number => find(parts, TAG.flags)?.[0] ?? 0

/** Whether the admin data say that the key is behind the PIN. */
export const saysProtected = (adminData: Uint8Array | undefined): boolean =>
  (flagsIn(partsIn(adminData, TAG.adminData)) & PROTECTED) !== 0

/** The admin data with that flag set or not; the other parts stay, without the salt of an older way. */
export function withProtection(adminData: Uint8Array | undefined, isProtected: boolean): Uint8Array {
  const parts = partsIn(adminData, TAG.adminData)
  const flags = (flagsIn(parts) & ~PROTECTED) | (isProtected ? PROTECTED : 0)
  const others = parts.filter(({ tag }) => tag !== TAG.flags && tag !== TAG.salt)
  const all = [
    ...(flags === 0 ? [] : [tlv(TAG.flags, Uint8Array.of(flags))]),
    ...others.map((one) => tlv(one.tag, one.value)),
  ]
  return tlv(TAG.adminData, ...all)
}

/** A view of the key; undefined where the object has none. */
export const keyIn = (content: Uint8Array | undefined): Uint8Array | undefined =>
  find(partsIn(content, TAG.protectedData), TAG.key)

/** Whether the object is of Yubico's programs, and not what PIV says it is for. */
export const isProtectedData = (content: Uint8Array): boolean =>
  find(readableTlvs(content), TAG.protectedData) !== undefined

export const writeKey = (key: Uint8Array): Uint8Array => tlv(TAG.protectedData, tlv(TAG.key, key))
