// How the objects of each slot are called: labels and identifiers of OpenSC, so that a PKCS #11 URI that names a key
// there names it here.
import { isRetired, SLOTS, type Slot } from '../../piv/slots.ts'

export interface SlotNames {
  /** CKA_ID. */
  readonly id: Uint8Array
  readonly certificate: string
  readonly privateKey: string
  readonly publicKey: string
}

const NAMED: Readonly<Record<string, readonly [certificate: string, key: string]>> = {
  '9a': ['PIV Authentication', 'PIV AUTH'],
  '9c': ['Digital Signature', 'SIGN'],
  '9d': ['Key Management', 'KEY MAN'],
  '9e': ['Card Authentication', 'CARD AUTH'],
}

const ORDER = [...SLOTS.keys()] as Slot[]
const FIRST_RETIRED = ORDER.findIndex(isRetired)

export function namesOf(slot: Slot): SlotNames {
  const at = ORDER.indexOf(slot)
  const id = Uint8Array.of(at + 1)
  const [certificate, key] = NAMED[slot] ?? []
  if (certificate !== undefined) {
    return { id, certificate: `Certificate for ${certificate}`, privateKey: `${key} key`, publicKey: `${key} pubkey` }
  }
  const number = at - FIRST_RETIRED + 1
  const retired = `Retired KEY MAN ${number}`
  return {
    id,
    certificate: `Retired Certificate for Key Management ${number}`,
    privateKey: retired,
    publicKey: retired,
  }
}

/** The slot that a CKA_ID names, if it is one of these. */
export const slotOfId = (id: Uint8Array): Slot | undefined => (id.length === 1 ? ORDER[(id[0] ?? 0) - 1] : undefined)
