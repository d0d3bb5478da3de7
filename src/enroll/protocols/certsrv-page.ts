/**
 * Reads the pages of Microsoft's web enrolment. There is no specification: these are the words and marks that published
 * clients look for (docs/lab-ca.md names them). Marks are tried before words, since the words are in the server's
 * language.
 */
import { textOfHtml } from '../html.ts'

export type Page =
  | { readonly kind: 'issued' | 'pending'; readonly id: string }
  | { readonly kind: 'denied'; readonly words: string }
  | { readonly kind: 'unknown' }

/** Dispositions of a request, as ICertRequest::GetCACertificate's family numbers them (CR_DISP_...). */
const DISPOSITIONS: ReadonlyMap<string, 'denied' | 'pending'> = new Map([
  ['2', 'denied'],
  ['5', 'pending'],
  ['6', 'denied'],
])

const NUMBER = '([1-9][0-9]{0,9})'
const ISSUED = new RegExp(`certnew\\.cer\\?ReqID=${NUMBER}&`, 'i')

/**
 * The text of the element with that ID, which is the same in every language. One ID may be the beginning of another.
 */
function marked(html: string, id: string): string | undefined {
  const found = new RegExp(`\\bID=["']?${id}["']?[\\s>]`, 'i').exec(html)
  if (found === null) return undefined
  const rest = html.slice(found.index, found.index + LONGEST_ELEMENT)
  const [, text = ''] = /^[^>]*>([\s\S]*?)(?:<\/(?:P|DD|LocID)\b|<P\b|$)/i.exec(rest) ?? []
  return text
}
const LONGEST_ELEMENT = 4000

/** The text under a label: `<DT ID=...>...</DT><DD>...`. */
function labelled(html: string, id: string): string | undefined {
  const found = new RegExp(`\\bID=["']?${id}["']?[\\s>]`, 'i').exec(html)
  const rest = found === null ? '' : html.slice(found.index, found.index + LONGEST_ELEMENT)
  const [, text] = /^[\s\S]{0,400}?<DD>([\s\S]*?)(?:<\/?D[DLT]\b|$)/i.exec(rest) ?? []
  return text
}

const has = (html: string, ...ids: readonly string[]): boolean => ids.some((id) => marked(html, id) !== undefined)

/** Finds the number of a request in a sentence, in any language. */
function numberIn(sentence: string): string | undefined {
  const text = sentence
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#?\w{1,8};/g, ' ')
    .normalize('NFKC')
  return [...text.matchAll(/(?<![\d.,])[1-9]\d{0,9}(?!\d)/g)].at(-1)?.[0]
}

const WAITING = new RegExp(`Your Request Id is ${NUMBER}\\b`, 'i')
const DENIED_WORDS = /Certificate Request Denied/i
const DISPOSITION_WORDS = /The disposition message is "([^"]{1,2000})/i
const FETCH_WORDS = /Disposition message:[^\t]{1,200}\t\t([^\r\n]{1,2000})/i

/** certfnsh.asp: the answer to a request. */
export function readSubmitted(html: string): Page {
  const reason = marked(html, 'locInfoReqIDandReason')
  const words = plain(DISPOSITION_WORDS.exec(html)?.[1] ?? reason ?? '')
  if (words !== '' || has(html, 'locDenied', 'locIssRev') || DENIED_WORDS.test(html)) return { kind: 'denied', words }
  const issued = ISSUED.exec(html)?.[1]
  if (issued !== undefined) return { kind: 'issued', id: issued }
  const waiting = numberIn(marked(html, 'locInfoReqID') ?? '') ?? WAITING.exec(html)?.[1]
  if (waiting !== undefined) return { kind: 'pending', id: waiting }
  // The server could not even accept the request: certrser.asp.
  if (has(html, 'locReqFailed')) return { kind: 'denied', words: plain(failure(html)) }
  return { kind: 'unknown' }
}

const failure = (html: string): string =>
  ['locDispMsgLabel', 'locResultLabel', 'locLastStatLabel']
    .map((id) => labelled(html, id) ?? '')
    .find((text) => /[^\s<>()]/.test(text.replace(/<LocID[\s\S]*?<\/LocID>/gi, ''))) ?? ''

/** certnew.cer, when it answers with a page instead of a certificate. */
export function readFetched(html: string, id: string): Page {
  const words = plain(FETCH_WORDS.exec(html)?.[1] ?? labelled(html, 'locDispMsgLabel') ?? '')
  const [, number = ''] = /^\s*(\d)\b/.exec(labelled(html, 'locDispLabel') ?? '') ?? []
  const kind = DISPOSITIONS.get(number) ?? kindOf(words)
  if (kind === 'pending') return { kind, id }
  return kind === 'denied' ? { kind, words } : { kind: 'unknown' }
}

function kindOf(words: string): 'denied' | 'pending' | undefined {
  if (/Taken Under Submission/i.test(words)) return 'pending'
  return /^(Denied|Revoked) by/i.test(words) ? 'denied' : undefined
}

/** certcarc.asp: how often the CA's certificate was renewed; the newest has that number. */
export const readRenewals = (html: string): number => Number(/\bnRenewals\s*=\s*(\d{1,4})\b/.exec(html)?.[1] ?? 0)

/** The text of a part of a page, of bounded length. */
const plain = (html: string): string => textOfHtml(html).slice(0, 400)
