// One card in a reader, in words and as JSON, as it reports itself.
import type { CardBeyond, ListedCertificate, ReaderCardSummary } from '../cards/index.ts'
import { day } from '../dates.ts'
import { certificateJson, contentLine, dueWarnings, keyJson, triesJson, triesLines, unusableJson } from './describe.ts'
import { rows } from './layout.ts'
import { TEXT } from './messages.ts'
import type { Json } from './output.ts'
import { plain } from './plain.ts'
import { waysOut } from './ways-out.ts'

/** A card that answers. */
export type ReaderCard = Extract<ReaderCardSummary, { readonly pin: unknown }>

export function readerCardJson(card: ReaderCard): { readonly [name: string]: Json } {
  const { pin, keys, unusable, certificates, beyond, ...facts } = card
  const more = beyond && { ...beyond, adminKey: beyond.adminKey && { ...beyond.adminKey } }
  const lists = {
    keys: keys.map(keyJson),
    unusable: unusable.map(unusableJson),
    certificates: certificates.map(certificateJson),
  }
  return { ...facts, ...triesJson(pin), ...lists, ...(more && { beyond: more }) }
}

export function readerCardText(card: ReaderCard): string {
  const { field } = TEXT
  const contents = [...card.keys, ...card.unusable]
  return rows([
    [field.name, plain(card.name)],
    [field.state, field.states[card.state]],
    ...(card.cardId === undefined ? [] : [[field.cardId, card.cardId] as const]),
    ...triesLines(card.pin, waysOut(card.name, card.pin.puk, false)),
    ...beyondLines(card.beyond),
    ...contents.map((one, index) => [index === 0 ? field.keys : '', contentLine(one)] as const),
    ...card.certificates.map((one, index) => [index === 0 ? field.certificates : '', certificateLine(one)] as const),
  ])
}

function beyondLines(beyond: CardBeyond | undefined): ReadonlyArray<readonly [string, string]> {
  const { field } = TEXT
  if (beyond === undefined) return [[field.beyond, field.nothingBeyond]]
  const { version, serial, adminKey } = beyond
  return [
    [field.beyond, field.version(version)],
    ...(serial === undefined ? [] : [[field.serial, String(serial)] as const]),
    ...(adminKey === undefined ? [] : [[field.adminKey, adminKey.algorithm] as const]),
  ]
}

/** An end of validity in words, and whether it has passed. */
export function validity(notAfter: string): string {
  const end = new Date(notAfter)
  return end.getTime() < Date.now() ? TEXT.field.expired(day(end)) : day(end)
}

const certificateLine = (certificate: ListedCertificate): string =>
  'error' in certificate
    ? TEXT.field.certificateLine(certificate.slot, '-', TEXT.field.damaged)
    : TEXT.field.certificateLine(certificate.slot, plain(certificate.subject), validity(certificate.notAfter))

/** Default secrets that are still in use, and certificates near their end, one sentence each. */
export function readerWarnings({ name, pin, beyond, certificates }: ReaderCard): string[] {
  const { defaults, lastTry } = TEXT.warn
  return [
    ...(pin.isDefault ? [defaults.pin(name)] : []),
    ...(pin.puk?.isDefault && pin.puk.triesLeft !== 0 ? [defaults.puk(name)] : []),
    ...(beyond?.adminKey?.isDefault ? [defaults.adminKey(name)] : []),
    ...(pin.triesLeft === 1 ? [lastTry(TEXT.what.pin)] : []),
    ...dueWarnings(certificates),
  ]
}
