// Command APDUs of a PIV card, parsed once into a closed union. SP 800-73-5 part 2, sections 3.1 to 3.3.
import type { CommandApdu } from '../../iso7816/command.ts'
import { refuseUnless, StatusError, SW } from '../../iso7816/status.ts'
import { TlvError } from '../../iso7816/tlv.ts'
import { type Algorithm, algorithmById } from '../algorithms.ts'
import { readGetData, readPutData } from '../objects.ts'
import { PIN_FIELD, PIN_REFERENCES } from '../pin.ts'
import { ADMIN_KEY, type PinPolicy, type Slot, slotOfReference } from '../slots.ts'
import { type Authentication, pinPolicyOf, readAuthentication, readKeyTemplate } from '../templates.ts'
import { ATTESTATION_KEY } from '../yubico.ts'
import { withoutPin, YUBICO_CHAINED, YUBICO_PARSERS, type YubicoCommand } from './yubico-command.ts'

export type PivCommand =
  | { readonly kind: 'select'; readonly aid: Uint8Array }
  | { readonly kind: 'getData'; readonly tag: string }
  | { readonly kind: 'putData'; readonly tag: string; readonly content: Uint8Array }
  | { readonly kind: 'pinStatus' }
  | { readonly kind: 'clearPin' }
  | { readonly kind: 'verify'; readonly pin: Uint8Array }
  | { readonly kind: 'change'; readonly which: 'pin' | 'puk'; readonly old: Uint8Array; readonly fresh: Uint8Array }
  | { readonly kind: 'unblock'; readonly puk: Uint8Array; readonly fresh: Uint8Array }
  | { readonly kind: 'useKey'; readonly slot: Slot; readonly algorithm: number; readonly items: Authentication }
  | { readonly kind: 'admin'; readonly algorithm: number; readonly items: Authentication }
  | {
      readonly kind: 'generate'
      readonly slot: Slot
      readonly algorithm: Algorithm
      readonly pinPolicy: PinPolicy | undefined
    }
  | { readonly kind: 'generateAttestation'; readonly algorithm: Algorithm }
  | YubicoCommand

type Parser = (apdu: CommandApdu) => PivCommand

/** By instruction. */
const PARSERS: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  [0xa4, select],
  [0xcb, getData],
  [0xdb, putData],
  [0x20, verify],
  [0x24, changeReferenceData],
  [0x2c, resetRetryCounter],
  [0x87, generalAuthenticate],
  [0x47, generateKeyPair],
  ...YUBICO_PARSERS,
])

/** Instructions that take chains. SP 800-73-5 part 2, table 3. */
export const CHAINED: ReadonlySet<number> = new Set([0xdb, 0x87, 0x47, ...YUBICO_CHAINED])

/** @throws StatusError with the status word of the reference */
export function parsePivCommand(apdu: CommandApdu): PivCommand {
  const parser = PARSERS.get(apdu.ins)
  if (parser === undefined) throw new StatusError(SW.UNKNOWN_INS)
  try {
    return parser(apdu)
  } catch (error) {
    if (error instanceof TlvError) throw new StatusError(SW.WRONG_DATA)
    throw error
  }
}

function select({ p1, p2, data }: CommandApdu): PivCommand {
  // There are no files here, not even the master file that some programs select first.
  refuseUnless(p1 === 0x04, SW.NOT_FOUND)
  refuseUnless(p2 === 0x00, SW.WRONG_PARAMETERS)
  return { kind: 'select', aid: data }
}

function getData({ p1, p2, data }: CommandApdu): PivCommand {
  refuseUnless(p1 === 0x3f && p2 === 0xff, SW.WRONG_PARAMETERS)
  return { kind: 'getData', tag: readGetData(data) }
}

function putData({ p1, p2, data }: CommandApdu): PivCommand {
  refuseUnless(p1 === 0x3f && p2 === 0xff, SW.WRONG_PARAMETERS)
  return { kind: 'putData', ...readPutData(data) }
}

function verify({ p1, p2, data }: CommandApdu): PivCommand {
  refuseUnless(p1 === 0x00 || p1 === 0xff, SW.WRONG_PARAMETERS)
  refuseUnless(p2 === PIN_REFERENCES.pin, SW.REFERENCE_NOT_FOUND)
  if (p1 === 0xff) {
    refuseUnless(data.length === 0, SW.WRONG_DATA)
    return { kind: 'clearPin' }
  }
  if (data.length === 0) return { kind: 'pinStatus' }
  refuseUnless(data.length === PIN_FIELD, SW.WRONG_DATA)
  return { kind: 'verify', pin: data }
}

function changeReferenceData({ p1, p2, data }: CommandApdu): PivCommand {
  refuseUnless(p1 === 0x00, SW.WRONG_PARAMETERS)
  refuseUnless(p2 === PIN_REFERENCES.pin || p2 === PIN_REFERENCES.puk, SW.REFERENCE_NOT_FOUND)
  refuseUnless(data.length === 2 * PIN_FIELD, SW.WRONG_DATA)
  const which = p2 === PIN_REFERENCES.pin ? 'pin' : 'puk'
  return { kind: 'change', which, old: data.subarray(0, PIN_FIELD), fresh: data.subarray(PIN_FIELD) }
}

function resetRetryCounter({ p1, p2, data }: CommandApdu): PivCommand {
  refuseUnless(p1 === 0x00, SW.WRONG_PARAMETERS)
  refuseUnless(p2 === PIN_REFERENCES.pin, SW.REFERENCE_NOT_FOUND)
  refuseUnless(data.length === 2 * PIN_FIELD, SW.WRONG_DATA)
  return { kind: 'unblock', puk: data.subarray(0, PIN_FIELD), fresh: data.subarray(PIN_FIELD) }
}

function generalAuthenticate({ p1, p2, data }: CommandApdu): PivCommand {
  const slot = slotOfReference(p2)
  refuseUnless(slot !== undefined || p2 === ADMIN_KEY, SW.WRONG_PARAMETERS)
  const items = readAuthentication(data)
  return slot === undefined ? { kind: 'admin', algorithm: p1, items } : { kind: 'useKey', slot, algorithm: p1, items }
}

/** 65537: the only exponent that is supported. */
const isF4 = (exponent: Uint8Array) => exponent.reduce((number, octet) => number * 256 + octet, 0) === 65537

function generateKeyPair({ p1, p2, data }: CommandApdu): PivCommand {
  const slot = slotOfReference(p2)
  refuseUnless(p1 === 0x00 && (slot !== undefined || p2 === ATTESTATION_KEY), SW.WRONG_PARAMETERS)
  const { exponent, ...template } = readKeyTemplate(data)
  const algorithm = algorithmById(template.algorithm)
  refuseUnless(algorithm !== undefined && (exponent === undefined || isF4(exponent)), SW.WRONG_DATA)
  const pinPolicy = pinPolicyOf(template)
  if (slot !== undefined) return { kind: 'generate', slot, algorithm, pinPolicy }
  refuseUnless(withoutPin(pinPolicy), SW.WRONG_DATA)
  return { kind: 'generateAttestation', algorithm }
}
