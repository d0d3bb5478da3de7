// Cards in readers: keys, certificates and tries, as each card reports them.
import { type AnyCardError, PcscError } from '../errors.ts'
import type { ReaderChannel, ReaderOptions } from '../pcsc/channel.ts'
import { chooseReader } from '../pcsc/open.ts'
import { listReaders } from '../pcsc/readers.ts'
import { CardKeys } from '../piv/host/card-keys.ts'
import type { Exchange } from '../piv/host/exchange.ts'
import { type AdminKeyInfo, Extras } from '../piv/host/extras.ts'
import { isUsable, type KeyInfo, type SlotContent, type UnusableKey } from '../piv/host/key-info.ts'
import { readObject } from '../piv/host/objects.ts'
import { type PinStatus, pinStatus } from '../piv/host/pins.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import { CardSecrets } from '../piv/host/secrets.ts'
import type { Slot } from '../piv/slots.ts'
import {
  CERTIFICATE_TAGS,
  type ListedCertificate,
  oddCertificate,
  type ReadCertificate,
  readListed,
} from './certificates.ts'
import { PROBE_MS, type Probe, probeReader, probeReaders } from './reader-probe.ts'
import { type PinState, pinState } from './states.ts'

/**
 * A card in a reader. `name` is what `--card` takes. `keys` are those that the card reports or that have a certificate.
 */
export type ReaderCardSummary =
  | {
      readonly kind: 'reader'
      readonly state: PinState
      readonly name: string
      readonly reader: string
      /** GUID in the CHUID, in 32 hex digits; for a card of Tessera its card id. Any card can claim any GUID. */
      readonly cardId?: string
      readonly pin: PinStatus
      readonly keys: readonly KeyInfo[]
      /** Slots with content that cannot be used here: keys of other algorithms, or content that cannot be parsed. */
      readonly unusable: readonly UnusableKey[]
      readonly certificates: readonly ListedCertificate[]
      /** Features beyond PIV, as on Yubico's cards; present only if the card has them. */
      readonly beyond?: CardBeyond
    }
  | {
      readonly kind: 'reader'
      readonly state: 'busy' | 'no-piv' | 'unusable'
      readonly name: string
      readonly reader: string
      readonly error: AnyCardError
    }

export interface CardBeyond {
  /** The version that the card reports: `5.4.3`. */
  readonly version: string
  readonly serial?: number
  readonly adminKey?: AdminKeyInfo
}

const WAIT_MS = 1000

/**
 * Every card in a PC/SC reader, with what it reports about itself; no PIN try is spent. A card that does not answer, or
 * is no PIV card, has its error. Empty if PC/SC cannot be used: `listReaders` says why. `waitMs`, 1000 by default, is
 * also the longest that a card may take for one answer.
 */
export async function listReaderCards({
  waitMs = WAIT_MS,
}: Pick<ReaderOptions, 'waitMs'> = {}): Promise<ReaderCardSummary[]> {
  return (await probeReaders(waitMs, readCard)).map(summaryFrom)
}

/**
 * One of these cards, by part of the reader's name. Waits for the card no longer than any use of it does.
 * @throws PcscError ERR_READER_NOT_FOUND, ERR_CARD_REMOVED, ERR_PCSC_UNAVAILABLE; UsageError ERR_CARD_AMBIGUOUS
 */
export async function readerCardInfo(text: string): Promise<ReaderCardSummary> {
  const { name, card } = chooseReader(await listReaders({ waitMs: PROBE_MS }), text)
  if (card) return summaryFrom(await probeReader(name, PROBE_MS, readCard))
  throw new PcscError('ERR_CARD_REMOVED', `There is no card in the reader '${name}'. Put one in.`, { reader: name })
}

function summaryFrom(probe: Probe<CardContents>): ReaderCardSummary {
  const { reader } = probe
  const place = { kind: 'reader', name: `reader:${reader}`, reader } as const
  if ('error' in probe) return { ...place, state: probe.state, error: probe.error }
  return { ...place, ...probe.found, ...(probe.cardId !== undefined && { cardId: probe.cardId }) }
}

type CardContents = Omit<Extract<ReaderCardSummary, { readonly pin: unknown }>, 'kind' | 'name' | 'reader' | 'cardId'>

async function readCard(exchange: Exchange, channel: ReaderChannel): Promise<CardContents> {
  const extras = new Extras(channel)
  const pin = await pinStatus(exchange, new CardSecrets(undefined, extras))
  const contents: SlotContent[] = []
  const certificates: ListedCertificate[] = []
  for (const [slot, tag] of CERTIFICATE_TAGS) {
    const found = await certificateIn(exchange, slot, tag)
    if (found === undefined) continue
    certificates.push(found.certificate)
    contents.push(found.beside)
  }
  const beyond = await beyondOf(exchange, extras)
  const all = extras.hasMetadata ? await new CardKeys(extras, true).list(exchange) : contents
  const keys = all.filter(isUsable)
  const unusable = all.filter((content) => !isUsable(content)) as UnusableKey[]
  return { state: pinState(pin), pin, keys, unusable, certificates, ...(beyond && { beyond }) }
}

async function beyondOf(exchange: Exchange, extras: Extras): Promise<CardBeyond | undefined> {
  const version = await extras.version(exchange)
  if (version === undefined) return undefined
  const [serial, adminKey] = [await extras.serial(exchange), await extras.adminKey(exchange)]
  return {
    version,
    ...(serial !== undefined && { serial }),
    ...(adminKey !== undefined && adminKey !== 'absent' && { adminKey }),
  }
}

async function certificateIn(exchange: Exchange, slot: Slot, tag: string): Promise<ReadCertificate | undefined> {
  try {
    const content = await readObject(exchange, tag)
    return content && readListed(slot, content)
  } catch (error) {
    if (!isOfOneItem(error)) throw error
    // A certificate that can be read only with the PIN is left out.
    return error.code === 'ERR_PIN_REQUIRED' ? undefined : oddCertificate(slot, error)
  }
}
