/**
 * What the pages of Microsoft's web enrolment say. There is no specification: these are the words and marks that
 * published clients look for (docs/lab-ca.md names them). Marks come before words, since words are in the language of
 * the server.
 */

export type Page =
  | { readonly kind: 'issued' | 'pending'; readonly id: string }
  | { readonly kind: 'denied'; readonly words: string }
  | { readonly kind: 'unknown' }

/** Dispositions of a request, as ICertRequest::GetCACertificate's family numbers them (CR_DISP_...). */
const DISPOSITIONS: Readonly<Record<string, 'denied' | 'pending'>> = { '2': 'denied', '5': 'pending', '6': 'denied' }

const NUMBER = '([1-9][0-9]{0,9})'
const ISSUED = new RegExp(`certnew\\.cer\\?ReqID=${NUMBER}&`, 'i')
const WAITING = new RegExp(`Your Request Id is ${NUMBER}\\b`, 'i')
const DENIED = /\bID="?locDenied"?\b|Certificate Request Denied/i
const DISPOSITION_WORDS = /The disposition message is "([^"]{1,2000})/i
const FETCH_NUMBER = /\bID="?locDispLabel"?\b[\s\S]{0,200}?<DD>\s*(\d)\b/i
const FETCH_WORDS = /Disposition message:[^\t]{1,200}\t\t([^\r\n]{1,2000})/i

/** certfnsh.asp: the answer to a request. */
export function readSubmitted(html: string): Page {
  const words = plain(DISPOSITION_WORDS.exec(html)?.[1] ?? '')
  if (words !== '' || DENIED.test(html)) return { kind: 'denied', words }
  const issued = ISSUED.exec(html)?.[1]
  if (issued !== undefined) return { kind: 'issued', id: issued }
  const waiting = WAITING.exec(html)?.[1]
  return waiting === undefined ? { kind: 'unknown' } : { kind: 'pending', id: waiting }
}

/** certnew.cer, where it answers a page in place of a certificate. */
export function readFetched(html: string, id: string): Page {
  const words = plain(FETCH_WORDS.exec(html)?.[1] ?? '')
  const kind = DISPOSITIONS[FETCH_NUMBER.exec(html)?.[1] ?? ''] ?? kindOf(words)
  if (kind === 'pending') return { kind, id }
  return kind === 'denied' ? { kind, words } : { kind: 'unknown' }
}

function kindOf(words: string): 'denied' | 'pending' | undefined {
  if (/Taken Under Submission/i.test(words)) return 'pending'
  return /^(Denied|Revoked) by/i.test(words) ? 'denied' : undefined
}

/** certcarc.asp: how often the CA's certificate was renewed; the newest has that number. */
export const readRenewals = (html: string): number => Number(/\bnRenewals\s*=\s*(\d{1,4})\b/.exec(html)?.[1] ?? 0)

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

/** Text of a page in one line, without tags, entities and what is not to be seen. */
function plain(html: string): string {
  const text = html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? '')
  return text
    .replace(/[\p{C}\p{Z}\s]+/gu, ' ')
    .trim()
    .slice(0, 400)
}
