// Command APDUs of Yubico's cards, parsed like those of PIV (src/piv/yubico.ts names their sources).
import type { CommandApdu } from '../../iso7816/command.ts'
import { refuseUnless, StatusError, SW } from '../../iso7816/status.ts'
import { type AdminAlgorithm, type Algorithm, algorithmById } from '../algorithms.ts'
import { PIN_REFERENCES } from '../pin.ts'
import type { PrivateKeyParts } from '../private-key.ts'
import { ADMIN_KEY, type PinPolicy, type Slot, slotOfReference } from '../slots.ts'
import { ATTESTATION_KEY, type ImportTemplate, NOWHERE, readAdminKey, readImport, YUBICO } from '../yubico.ts'

/** What GET METADATA can ask about. */
export type MetadataOf = Slot | 'attestation' | 'pin' | 'puk' | 'admin'

export type YubicoCommand =
  | { readonly kind: 'version' }
  | { readonly kind: 'serial' }
  | { readonly kind: 'metadata'; readonly of: MetadataOf }
  | ({ readonly kind: 'importKey'; readonly slot: Slot; readonly algorithm: Algorithm } & ImportTemplate)
  | { readonly kind: 'importAttestation'; readonly algorithm: Algorithm; readonly parts: PrivateKeyParts }
  | { readonly kind: 'deleteAttestation' }
  | { readonly kind: 'attest'; readonly slot: Slot }
  | { readonly kind: 'resetCard' }
  | { readonly kind: 'setAdminKey'; readonly algorithm: AdminAlgorithm; readonly key: Uint8Array }
  | { readonly kind: 'moveKey'; readonly from: Slot; readonly to: Slot }
  | { readonly kind: 'deleteKey'; readonly slot: Slot }

type Parser = (apdu: CommandApdu) => YubicoCommand

export const YUBICO_PARSERS: ReadonlyArray<readonly [instruction: number, parser: Parser]> = [
  [YUBICO.getVersion, plain({ kind: 'version' })],
  [YUBICO.getSerial, plain({ kind: 'serial' })],
  [YUBICO.getMetadata, getMetadata],
  [YUBICO.importKey, importKey],
  [YUBICO.setAdminKey, setAdminKey],
  [YUBICO.moveKey, moveKey],
  [YUBICO.attest, attest],
  [YUBICO.setTries, setTries],
  [YUBICO.reset, plain({ kind: 'resetCard' })],
]

export const YUBICO_CHAINED: readonly number[] = [YUBICO.importKey]

/** A command without parameters and data. */
function plain(command: YubicoCommand): Parser {
  return ({ p1, p2, data }) => {
    refuseUnless(p1 === 0x00 && p2 === 0x00, SW.WRONG_PARAMETERS)
    refuseUnless(data.length === 0, SW.WRONG_DATA)
    return command
  }
}

const OTHERS = new Map<number, MetadataOf>([
  [PIN_REFERENCES.pin, 'pin'],
  [PIN_REFERENCES.puk, 'puk'],
  [ADMIN_KEY, 'admin'],
  [ATTESTATION_KEY, 'attestation'],
])

/** Programs ask for everything that may exist, and accept only 6A88 as "not there". */
function getMetadata({ p1, p2, data }: CommandApdu): YubicoCommand {
  refuseUnless(p1 === 0x00, SW.WRONG_PARAMETERS)
  refuseUnless(data.length === 0, SW.WRONG_DATA)
  const of = OTHERS.get(p2) ?? slotOfReference(p2)
  refuseUnless(of !== undefined, SW.REFERENCE_NOT_FOUND)
  return { kind: 'metadata', of }
}

function importKey({ p1, p2, data }: CommandApdu): YubicoCommand {
  const slot = slotOfReference(p2)
  refuseUnless(slot !== undefined || p2 === ATTESTATION_KEY, SW.WRONG_PARAMETERS)
  const algorithm = algorithmById(p1)
  refuseUnless(algorithm !== undefined, SW.WRONG_DATA)
  const { parts, pinPolicy } = readImport(data, algorithm)
  if (slot !== undefined) return { kind: 'importKey', slot, algorithm, parts, pinPolicy }
  refuseUnless(withoutPin(pinPolicy), SW.WRONG_DATA)
  return { kind: 'importAttestation', algorithm, parts }
}

/** The attestation key is used without a PIN; no other policy is accepted. */
export const withoutPin = (policy: PinPolicy | undefined): boolean => policy === undefined || policy === 'never'

/** A P2 other than FF requires a touch at every use, which a card without a button cannot offer. */
function setAdminKey({ p1, p2, data }: CommandApdu): YubicoCommand {
  refuseUnless(p1 === 0xff && p2 === 0xff, SW.WRONG_PARAMETERS)
  return { kind: 'setAdminKey', ...readAdminKey(data) }
}

/** The attestation key can be deleted, but not moved or be the target of a move. */
function moveKey({ p1, p2, data }: CommandApdu): YubicoCommand {
  if (p1 === NOWHERE && p2 === ATTESTATION_KEY) {
    refuseUnless(data.length === 0, SW.WRONG_DATA)
    return { kind: 'deleteAttestation' }
  }
  const [from, to] = [slotOfReference(p2), slotOfReference(p1)]
  refuseUnless(from !== undefined && (p1 === NOWHERE || to !== undefined) && from !== to, SW.WRONG_PARAMETERS)
  refuseUnless(data.length === 0, SW.WRONG_DATA)
  return to === undefined ? { kind: 'deleteKey', slot: from } : { kind: 'moveKey', from, to }
}

function attest({ p1, p2, data }: CommandApdu): YubicoCommand {
  const slot = slotOfReference(p1)
  refuseUnless(slot !== undefined && p2 === 0x00, SW.WRONG_PARAMETERS)
  refuseUnless(data.length === 0, SW.WRONG_DATA)
  return { kind: 'attest', slot }
}

/** The numbers of tries are part of the lock from a card's creation, and cannot be changed. */
function setTries(): never {
  throw new StatusError(SW.NOT_SUPPORTED)
}
