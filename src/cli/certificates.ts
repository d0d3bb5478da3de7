// Certificates and requests in words, as JSON, and as PEM for a file or standard output.

import { X509Certificate } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import { day } from '../dates.ts'
import { isFor } from '../enroll/chain.ts'
import type { CertificateContent } from '../enroll/content.ts'
import { type CertificateDescription, describeCertificate } from '../enroll/describe.ts'
import { type ProgramVerdict, programVerdicts } from '../enroll/programs.ts'
import { type AnyCardError, CardError, hasCode, valueIf } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { CardCertificate } from '../piv/host/certificates.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import { SLOTS, type Slot } from '../piv/slots.ts'
import { type Context, given } from './context.ts'
import { sendText } from './files.ts'
import { rows } from './layout.ts'
import { TEXT } from './messages.ts'
import { errorJson, type Json } from './output.ts'

/** The requested content of a certificate, from the options. */
export function contentOf({ options }: Pick<Context, 'options'>): CertificateContent {
  const { subject, email, upn, principal, sid } = options
  const purposes = options.purposes?.split(',').map((purpose) => purpose.trim())
  return given({ subject, email, upn, principal, sid, purposes })
}

/** The JSON of a certificate. */
export function certificateJson(der: Uint8Array) {
  const { notBefore, notAfter, hash, usages, purposes, sid, email, upn, principal, dns, uri, ...facts } =
    describeCertificate(der)
  return {
    ...facts,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    hash: hash ?? null,
    usages: usages ?? null,
    purposes: purposes ?? null,
    sid: sid ?? null,
    names: { email, upn, principal, dns, uri },
  }
}

/** @throws CardError ERR_CERTIFICATE_ABSENT */
export async function certificateIn(card: Card, slot: Slot): Promise<CardCertificate> {
  const found = await card.getCertificate(slot)
  if (found !== undefined) return found
  throw new CardError('ERR_CERTIFICATE_ABSENT', TEXT.error.noCert(slot))
}

/** The key in a slot, if there is one and it is known. */
export const keyIn = (card: Card, slot: Slot): Promise<KeyInfo | undefined> =>
  card.keyInfo(slot).catch(valueIf((error) => isOfOneItem(error) || hasCode(error, 'ERR_KEY_ABSENT'), undefined))

interface Listed {
  readonly slot: Slot
  readonly certificate: Uint8Array | AnyCardError
}

/** Every certificate of a card; a damaged one has its error. */
export async function certificatesOf(card: Card): Promise<Listed[]> {
  const all: Listed[] = []
  for (const name of SLOTS.keys()) {
    const slot = name as Slot
    try {
      const found = await card.getCertificate(slot)
      if (found === undefined) continue
      describeCertificate(found.certificate)
      all.push({ slot, certificate: found.certificate })
    } catch (error) {
      if (!isOfOneItem(error)) throw error
      // Where reading needs the PIN, there may be no certificate.
      if (error.code !== 'ERR_PIN_REQUIRED') all.push({ slot, certificate: error })
    }
  }
  return all
}

export const certificateOrError = ({ slot, certificate }: Listed): Json =>
  isUint8Array(certificate) ? { slot, ...certificateJson(certificate) } : { slot, error: errorJson(certificate) }

export function certificateLine({ slot, certificate }: Listed): string {
  if (!isUint8Array(certificate)) return `${slot}  ${certificate.message}`
  const { subject, notAfter } = describeCertificate(certificate)
  return TEXT.field.certificateLine(slot, subject, day(notAfter))
}

/** A certificate in words, and the same as JSON. */
export function shownCertificate(
  slot: Slot,
  { certificate, chain = [] }: CardCertificate,
  { key, name }: { readonly key: KeyInfo | undefined; readonly name: string | undefined },
) {
  const facts = describeCertificate(certificate)
  const matches = key !== undefined && isFor(new X509Certificate(certificate), key.publicKey)
  const programs = programVerdicts(facts, slot)
  const { certificate: words } = TEXT.field
  const verdicts = matches ? verdictText(programs) : [`${words.takes}: ${words.nobody}: ${words.otherKey}.`]
  const above = chain.map((der) => describeCertificate(der).subject)
  return {
    json: {
      slot,
      friendlyName: name ?? null,
      ...certificateJson(certificate),
      chain: above,
      matchesKey: matches,
      programs: programs.map((one) => ({ ...one })),
    },
    text: [certificateText(slot, facts, above, name), '', ...verdicts].join('\n'),
  }
}

function certificateText(
  slot: Slot,
  facts: CertificateDescription,
  above: readonly string[],
  name: string | undefined,
): string {
  const { field } = TEXT
  const { certificate: words } = field
  const now = new Date()
  const state = facts.notAfter < now ? words.expired : facts.notBefore > now ? words.early : ''
  const several = (name: string, texts: readonly string[]) => texts.map((text) => [name, text] as const)
  return rows([
    [field.slot, `${slot} (${SLOTS.get(slot)})`],
    ...several(words.name, name === undefined ? [] : [name]),
    [words.subject, facts.subject],
    [words.issuer, facts.selfSigned ? words.itself : facts.issuer],
    [words.valid, words.validity(day(facts.notBefore), day(facts.notAfter), state)],
    ...several(words.email, facts.email),
    ...several(words.upn, facts.upn),
    ...several(words.principal, facts.principal),
    ...several(words.sid, facts.sid === undefined ? [] : [facts.sid]),
    ...several(words.dns, facts.dns),
    ...several(words.uri, facts.uri),
    [words.usages, facts.usages?.join(', ') ?? words.anything],
    [words.purposes, facts.purposes?.join(', ') ?? words.everything],
    [words.key, facts.algorithm],
    [words.signature, facts.signature],
    [words.serialNumber, facts.serialNumber],
    [words.fingerprint, facts.fingerprint],
    ...several(words.oddities, facts.oddities),
    ...above.map((subject, index) => [index === 0 ? words.chain : '', subject] as const),
  ])
}

/** Which programs use a certificate, and which pass it over and why, as lines. */
export function verdictText(programs: readonly ProgramVerdict[]): string[] {
  const { certificate: words } = TEXT.field
  const taken = programs.filter(({ because }) => because.length === 0).map(({ program }) => program)
  const passed = programs.filter(({ because }) => because.length > 0)
  const lines = passed.map(({ program, because }) => `  ${words.passedOver(program, because)}`)
  const first = `${words.takes}: ${taken.join(', ') || words.nobody}`
  return lines.length === 0 ? [first] : [first, `${words.passes}:`, ...lines]
}

/** Sends PEM to the file of `-o`, which `written` then tells, else to standard output; in JSON it is `member`. */
export function sendPem(
  context: Context,
  facts: { readonly [name: string]: Json | undefined },
  member: string,
  pem: string,
  written?: (path: string) => string,
): Promise<void> {
  const { out } = context.options
  const json = out === undefined || out === '-' ? { ...facts, [member]: pem } : { ...facts, out }
  return sendText(context, json, pem, (path) => (path === undefined ? undefined : written?.(path)))
}
