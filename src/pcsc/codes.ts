// Return codes of PC/SC (pcsc-lite: PCSC/pcsclite.h; part 5, 3.3) as errors that say what to do.
import { CardError, isError, PcscError } from '../errors.ts'
import type { NativePcscFailure } from '../native.ts'

type PcscCode = ConstructorParameters<typeof PcscError>[0]

/** How a channel reacts to a code. */
export type Remedy = 'reset' | 'lost' | 'busy' | 'none'

interface Row {
  readonly name: string
  readonly code: PcscCode
  readonly remedy: Remedy
  readonly text: (reader: string) => string
}

const row = (name: string, code: PcscCode, remedy: Remedy, text: Row['text']): Row => ({ name, code, remedy, text })
const service = () =>
  'The smart card service (pcscd) does not run or has stopped. Start it: systemctl start pcscd.socket (in a container: pcscd --foreground).'
const gone = (reader: string) => `The card${reader} was taken out. Put it in again.`
const noReader = (reader: string) => `The reader is not there${reader}. Plug it in, or see what there is: tessera list.`
const silent = (reader: string) => `The card${reader} does not answer. Take it out and put it in again.`
const broken = (reader: string) =>
  `The card${reader} was taken out or stopped answering in the middle of a command. Whether it still did it is not known: look before you try again.`
const wasResetText = (reader: string) =>
  `Another program has reset the card${reader}: what was verified is forgotten. Verify the PIN again.`
const forbidden = () =>
  'pcscd does not let this user use it. Allow it by polkit (org.debian.pcsc-lite.access_pcsc and access_card), or in a container start pcscd with --disable-polkit (2.0 and later).'
const internal = () => 'PC/SC failed. If it happens again, restart pcscd: systemctl restart pcscd.'

export const CODES: ReadonlyMap<number, Row> = new Map([
  [0x8010_0001, row('SCARD_F_INTERNAL_ERROR', 'ERR_PCSC', 'lost', internal)],
  [0x8010_0002, row('SCARD_E_CANCELLED', 'ERR_PCSC', 'none', () => 'The call was given up.')],
  [0x8010_0003, row('SCARD_E_INVALID_HANDLE', 'ERR_PCSC_UNAVAILABLE', 'lost', service)],
  [0x8010_0006, row('SCARD_E_NO_MEMORY', 'ERR_PCSC', 'none', () => 'pcscd has no room for another program.')],
  [0x8010_0009, row('SCARD_E_UNKNOWN_READER', 'ERR_READER_NOT_FOUND', 'none', noReader)],
  [
    0x8010_000b,
    row(
      'SCARD_E_SHARING_VIOLATION',
      'ERR_READER_BUSY',
      'busy',
      (reader) => `Another program uses the card${reader} alone.`,
    ),
  ],
  [
    0x8010_000c,
    row('SCARD_E_NO_SMARTCARD', 'ERR_CARD_REMOVED', 'none', (reader) => `There is no card${reader}. Put one in.`),
  ],
  [
    0x8010_000f,
    row('SCARD_E_PROTO_MISMATCH', 'ERR_PCSC', 'none', (reader) => `The card${reader} speaks neither T=0 nor T=1.`),
  ],
  [0x8010_0010, row('SCARD_E_NOT_READY', 'ERR_READER_NOT_FOUND', 'none', noReader)],
  [0x8010_0013, row('SCARD_F_COMM_ERROR', 'ERR_PCSC_UNAVAILABLE', 'lost', service)],
  [0x8010_0016, row('SCARD_E_NOT_TRANSACTED', 'ERR_CARD_REMOVED', 'none', broken)],
  [0x8010_0017, row('SCARD_E_READER_UNAVAILABLE', 'ERR_READER_NOT_FOUND', 'lost', noReader)],
  [0x8010_001d, row('SCARD_E_NO_SERVICE', 'ERR_PCSC_UNAVAILABLE', 'lost', service)],
  [0x8010_001e, row('SCARD_E_SERVICE_STOPPED', 'ERR_PCSC_UNAVAILABLE', 'lost', service)],
  [0x8010_0027, row('SCARD_E_NO_ACCESS', 'ERR_PCSC_UNAVAILABLE', 'none', forbidden)],
  [0x8010_002e, row('SCARD_E_NO_READERS_AVAILABLE', 'ERR_READER_NOT_FOUND', 'none', noReader)],
  [0x8010_0065, row('SCARD_W_UNSUPPORTED_CARD', 'ERR_PCSC', 'none', silent)],
  [0x8010_0066, row('SCARD_W_UNRESPONSIVE_CARD', 'ERR_PCSC', 'none', silent)],
  [0x8010_0067, row('SCARD_W_UNPOWERED_CARD', 'ERR_PCSC', 'reset', silent)],
  [0x8010_0068, row('SCARD_W_RESET_CARD', 'ERR_CARD_RESET', 'reset', wasResetText)],
  [0x8010_0069, row('SCARD_W_REMOVED_CARD', 'ERR_CARD_REMOVED', 'lost', gone)],
  [0x8010_006a, row('SCARD_W_SECURITY_VIOLATION', 'ERR_PCSC_UNAVAILABLE', 'none', forbidden)],
])

const PROTOCOL_MISMATCH = 0x8010_000f
const RESET_CARD = 0x8010_0068
const CANCELLED = 0x8010_0002
const TIMEOUT = 0x8010_000a
/** The command may or may not have been carried out. */
export const NOT_TRANSACTED = 0x8010_0016

const isNative = (error: unknown): error is NativePcscFailure => isError(error) && 'layer' in error && 'rc' in error

/** PC/SC's return code in an error; undefined where it has none. */
export function returnCode(error: unknown): number | undefined {
  if (error instanceof PcscError) return error.rc
  return isNative(error) && error.layer === 'pcsc' ? error.rc : undefined
}

export function remedyFor(error: unknown): Remedy {
  return CODES.get(returnCode(error) ?? 0)?.remedy ?? 'none'
}

/**
 * Whether a command was refused because the card was reset: pcscd reports that by its own code, or by finding that no
 * protocol is set any more.
 */
export const wasReset = (error: unknown): boolean =>
  remedyFor(error) === 'reset' || returnCode(error) === PROTOCOL_MISMATCH

export function resetUnderUs(cause: unknown, reader: string): PcscError {
  return new PcscError('ERR_CARD_RESET', wasResetText(` in the reader '${reader}'`), { cause, rc: RESET_CARD, reader })
}

/** A command that was not answered. */
export function brokenOff(reader: string): PcscError {
  return new PcscError('ERR_CARD_REMOVED', broken(` in the reader '${reader}'`), { rc: NOT_TRANSACTED, reader })
}

/** Whether a call was given up here, so that nobody waits for it any more. */
export const wasGivenUp = (error: unknown): boolean =>
  isNative(error) && error.layer === 'closed' && error.rc === CANCELLED

/** A card that did not answer in time. */
export function noAnswer(cause: unknown, reader: string, ms: number): PcscError {
  const text = `The card in the reader '${reader}' has not answered for ${ms} ms. It may still be at work: try again later, or take it out and put it in again.`
  return new PcscError('ERR_READER_BUSY', text, { cause, rc: TIMEOUT, reader })
}

/** The typed error for a rejection of a native call; anything else is returned unchanged. */
export function fromPcsc(error: unknown, reader?: string): unknown {
  if (!isNative(error) || error instanceof CardError) return error
  const { layer, rc, message } = error
  if (layer === 'closed') return new CardError('ERR_CARD_CLOSED', message, { cause: error })
  if (layer === 'library') return new PcscError('ERR_PCSC_UNAVAILABLE', message, { cause: error, reader })
  const found = CODES.get(rc)
  const place = reader === undefined ? '' : ` in the reader '${reader}'`
  const what = `${message}: ${found?.name ?? 'PC/SC error'} 0x${rc.toString(16)}`
  const text = `${found?.text(place) ?? internal()} (${what})`
  return new PcscError(found?.code ?? 'ERR_PCSC', text, { cause: error, rc, reader })
}
