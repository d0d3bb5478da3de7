// A card, a key, a PIN status in words and as JSON. docs/cli.md publishes the JSON shapes.
import type { ListedCertificate, ReadableCard } from '../cards/index.ts'
import { clock } from '../dates.ts'
import { expiryOf } from '../enroll/renewal.ts'
import { isWeak } from '../piv/algorithms.ts'
import { isUsable, type KeyInfo, type SlotContent, type UnusableKey } from '../piv/host/key-info.ts'
import type { PinStatus } from '../piv/host/pins.ts'
import { isRetired } from '../piv/slots.ts'
import { rows } from './layout.ts'
import { TEXT } from './messages.ts'
import { errorJson, type Json } from './output.ts'

export const publicKeyPem = (key: KeyInfo): string => key.publicKey.export({ type: 'spki', format: 'pem' }).toString()

export function keyJson(key: KeyInfo): { readonly [name: string]: Json } {
  const { slot, name, algorithm, pinPolicy, origin } = key
  return { slot, name, algorithm, pinPolicy, origin, publicKey: publicKeyPem(key) }
}

/** The content of a slot, even if it cannot be used here. */
export const contentJson = (content: SlotContent): { readonly [name: string]: Json } =>
  isUsable(content) ? keyJson(content) : unusableJson(content)

export const unusableJson = ({ slot, name, algorithm, error }: UnusableKey): { readonly [name: string]: Json } => ({
  slot,
  name,
  algorithm: algorithm ?? null,
  error: errorJson(error),
})

export const contentLine = (content: SlotContent): string =>
  isUsable(content) ? keyLine(content) : TEXT.field.unusableKey(content.slot, content.name, content.algorithm)

export function cardJson({ pukTries, defaults, keys, certificates, path, ...facts }: ReadableCard): {
  readonly [name: string]: Json
} {
  const lists = { defaults: [...defaults], keys: keys.map(keyJson), certificates: certificates.map(certificateJson) }
  return { ...facts, pukTries: pukTries ?? null, ...lists, path }
}

export function certificateJson(certificate: ListedCertificate): Json {
  return 'error' in certificate ? { slot: certificate.slot, error: errorJson(certificate.error) } : { ...certificate }
}

/** What is left to do about a card, one sentence each. */
export function warningsOf(card: ReadableCard): string[] {
  const { defaults, mustChange } = TEXT.warn
  const warnings: string[] = card.defaults.map((what) => defaults[what](card.name))
  if (card.mustChangePin && !card.defaults.includes('pin')) warnings.push(mustChange(card.name))
  return [...warnings, ...dueWarnings(card.certificates)]
}

/** Certificates near or past their end. Retired slots are left out: they are for old certificates. */
export function dueWarnings(certificates: readonly ListedCertificate[]): string[] {
  return certificates.flatMap((one) => {
    if ('error' in one || isRetired(one.slot)) return []
    const { due, daysLeft } = expiryOf({ notAfter: new Date(one.notAfter) })
    return due ? [TEXT.enrollment.warnDue(one.slot, daysLeft)] : []
  })
}

export function cardText(card: ReadableCard): string {
  const { field } = TEXT
  const yesNo = (value: boolean) => (value ? field.yes : field.no)
  return rows([
    [field.name, card.name],
    [field.cardId, card.cardId],
    [field.assurance, field.assurances[card.assurance]],
    [field.tcti, card.tcti],
    [field.created, clock(new Date(card.created))],
    [field.pinTries, String(card.pinTries)],
    [field.pukTries, card.pukTries === undefined ? field.noPuk : String(card.pukTries)],
    [field.helpDesk, yesNo(card.helpDesk)],
    [field.adminKey, yesNo(card.adminKey)],
    [field.path, card.path],
    ...card.keys.map((key, index) => [index === 0 ? field.keys : '', keyLine(key)] as const),
  ])
}

const shown = (algorithm: string): string => (isWeak(algorithm) ? TEXT.field.weak(algorithm) : algorithm)

export const keyLine = (key: KeyInfo): string =>
  TEXT.field.keyLine(key.slot, key.name, shown(key.algorithm), key.pinPolicy, key.origin)

export function keyText(key: KeyInfo): string {
  const { field } = TEXT
  const facts = rows([
    [field.slot, `${key.slot} (${key.name})`],
    [field.algorithm, shown(key.algorithm)],
    [field.pinPolicy, key.pinPolicy],
    [field.origin, key.origin],
  ])
  return `${facts}\n${publicKeyPem(key)}`
}

export const pinJson = (card: string, status: PinStatus): { readonly [name: string]: Json } => ({
  card,
  ...triesJson(status),
})

export function triesJson({ triesLeft, tries, blocked, mustChange, advisory, isDefault, puk }: PinStatus) {
  return {
    pin: { triesLeft: triesLeft ?? null, tries: tries ?? null, blocked, mustChange, advisory, isDefault },
    puk: puk ? { triesLeft: puk.triesLeft ?? null, tries: puk.tries ?? null, isDefault: puk.isDefault } : null,
  }
}

/** `ways`: how to unblock the PIN, if it is blocked. */
export const pinText = (card: string, status: PinStatus, ways: string): string =>
  rows([[TEXT.field.name, card], ...triesLines(status, ways)])

export function triesLines(status: PinStatus, ways: string): ReadonlyArray<readonly [string, string]> {
  const { field } = TEXT
  const { puk, advisory } = status
  const count = field.triesOf(status.triesLeft, status.tries)
  return [
    [field.pin, status.blocked ? field.blocked(ways) : advisory ? `${count} ${field.advisory}` : count],
    [field.puk, puk === undefined ? field.noPuk : field.triesOf(puk.triesLeft, puk.tries)],
  ]
}
