/** What commands and answers are called, for people. */
import { fromHex, hex } from '../../bytes.ts'
import { parseCommand } from '../../iso7816/command.ts'
import { statusText } from '../../iso7816/status.ts'
import { TlvReader } from '../../iso7816/tlv.ts'
import { cardAlgorithmById } from '../../piv/algorithms.ts'
import { objectByTag } from '../../piv/objects.ts'
import { PIN_REFERENCES } from '../../piv/pin.ts'
import { slotOfReference } from '../../piv/slots.ts'
import { CC } from '../../tpm/constants.ts'
import { decodeResponseCode } from '../../tpm/response-code.ts'
import type { TraceEntry } from '../entry.ts'

/** SP 800-73-5 part 2, section 3, and Yubico's. */
const INSTRUCTIONS: ReadonlyMap<number, string> = new Map([
  [0x20, 'VERIFY'],
  [0x24, 'CHANGE REFERENCE DATA'],
  [0x2c, 'RESET RETRY COUNTER'],
  [0x47, 'GENERATE ASYMMETRIC KEY PAIR'],
  [0x87, 'GENERAL AUTHENTICATE'],
  [0xa4, 'SELECT'],
  [0xc0, 'GET RESPONSE'],
  [0xcb, 'GET DATA'],
  [0xdb, 'PUT DATA'],
  [0xf6, 'MOVE KEY'],
  [0xf7, 'GET METADATA'],
  [0xf8, 'GET SERIAL'],
  [0xf9, 'ATTEST'],
  [0xfa, 'SET PIN RETRIES'],
  [0xfb, 'RESET'],
  [0xfd, 'GET VERSION'],
  [0xfe, 'IMPORT KEY'],
  [0xff, 'SET MANAGEMENT KEY'],
])

const REFERENCES = new Map<number, string>(Object.entries(PIN_REFERENCES).map(([name, number]) => [number, name]))
const COMMANDS = new Map<number, string>(Object.entries(CC).map(([name, code]) => [code, name]))
const TAG_LIST = 0x5c
/** Size of a header, in hex digits: tag, size, code. */
const HEADER = 20

/** Octets of shown digits; those that are not shown are zero. */
export const octetsOf = (digits: string): Uint8Array => fromHex(digits.replaceAll('xx', '00')) ?? new Uint8Array(0)

/** `VERIFY pin`, `GET DATA chuid`, `TPM2_NV_Read`. */
export const commandName = ({ kind, command }: TraceEntry): string =>
  kind === 'apdu' ? apduName(octetsOf(command)) : tpmCommandName(command)

/** What the answer says: `done (status 9000)`, `TPM_RC_AUTH_FAIL, session 1`. */
export function outcome({ kind, answer }: TraceEntry): string {
  if (answer === undefined) return 'no answer'
  return kind === 'apdu' ? statusText(Number.parseInt(answer.slice(-4), 16) || 0) : responseText(answer)
}

function apduName(octets: Uint8Array): string {
  const apdu = parseCommand(octets)
  const ins = octets[1] ?? 0
  const name = INSTRUCTIONS.get(ins) ?? `INS ${ins.toString(16).padStart(2, '0')}`
  const about = apdu === undefined ? undefined : subject(ins, apdu.p1, apdu.p2, apdu.data)
  return about === undefined ? name : `${name} ${about}`
}

/** Which PIN, key or object it is about. */
function subject(ins: number, p1: number, p2: number, data: Uint8Array): string | undefined {
  const key = slotOfReference(p2) ?? p2.toString(16).padStart(2, '0')
  switch (ins) {
    case 0x20:
    case 0x24:
    case 0x2c:
      return REFERENCES.get(p2)
    case 0x47:
    case 0xf7:
      return key
    case 0x87:
      return `${key} ${cardAlgorithmById(p1) ?? ''}`.trimEnd()
    case 0xcb:
    case 0xdb: {
      const tag = objectTag(data)
      return tag === undefined ? undefined : (objectByTag(tag)?.name ?? tag)
    }
    default:
      return undefined
  }
}

function objectTag(data: Uint8Array): string | undefined {
  const reader = new TlvReader(data, 'BER')
  if (!reader.nextReadable()) return undefined
  return reader.tag === TAG_LIST ? hex(reader.value) : reader.tag.toString(16)
}

function tpmCommandName(command: string): string {
  const code = Number.parseInt(command.slice(12, HEADER), 16) || 0
  return `TPM2_${COMMANDS.get(code) ?? `CC_${code.toString(16).padStart(8, '0')}`}`
}

function responseText(answer: string): string {
  const code = Number.parseInt(answer.slice(12, HEADER), 16) || 0
  if (code === 0) return 'done'
  const { name, position } = decodeResponseCode(code & 0xffff)
  return position === undefined ? `TPM_RC_${name}` : `TPM_RC_${name}, ${position}`
}
