// What keeps a CA from being reached or believed, in words.
import { CaError } from '../../errors.ts'

const TRUST = 'Give the certificate of the CA that signed it with --ca-file'

/** Why the server's certificate is not believed, by OpenSSL's and Node's names. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is signed by itself, and nobody vouches for it. ${TRUST}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate comes from a CA that is not known here. ${TRUST}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate comes from a CA that is not known here. ${TRUST}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate comes from a CA that is not known here. ${TRUST}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate comes from a CA that is not known here. ${TRUST}`,
  CERT_SIGNATURE_FAILURE: `its certificate is not signed by the CA that it names. ${TRUST}`,
  CERT_UNTRUSTED: `its certificate comes from a CA that is not trusted. ${TRUST}`,
  INVALID_CA: 'its certificate was signed by somebody who is no CA. Tell who runs it',
  INVALID_PURPOSE: 'its certificate is not one of a server. Tell who runs it',
  CERT_HAS_EXPIRED: 'its certificate has expired. Check the clock of this machine, or tell who runs it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet. Check the clock of this machine',
  CERT_REVOKED: 'its certificate is revoked. Tell who runs it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names. Use a name that is in it, or tell who runs it',
  HOSTNAME_MISMATCH: 'its certificate is for other names. Use a name that is in it, or tell who runs it',
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection broke off',
  EPIPE: 'the connection broke off',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to its network',
  ETIMEDOUT: 'it does not answer',
}

const ADVICE = 'Check the address and the network, or try later'

/** What a failed connection to `host` means. */
export function connectionFault(host: string, cause: unknown): CaError {
  const { code = '', message = '' } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : {}
  const untrusted = UNTRUSTED[code]
  if (untrusted !== undefined) {
    return new CaError('ERR_CA_UNTRUSTED', `The CA at ${host} is not believed: ${untrusted}.`, { cause })
  }
  if (/^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code)) {
    const words = 'does not take the certificate that it was given, or wants one. Check which certificate is used'
    return new CaError('ERR_CA_LOGIN', `The CA at ${host} ${words}.`, { cause })
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const words = 'what answers there speaks no TLS or none that is safe, or wants a certificate of who asks'
    return new CaError('ERR_CA_UNAVAILABLE', `The CA at ${host} cannot be reached: ${words}. Check the port.`, {
      cause,
    })
  }
  const why = UNREACHABLE[code] ?? (message || 'unknown reason')
  return new CaError('ERR_CA_UNAVAILABLE', `The CA at ${host} cannot be reached: ${why}. ${ADVICE}.`, { cause })
}

/** Most characters of what a CA says that are repeated. */
const MOST_WORDS = 400

/** What a CA says in an answer of text or HTML: one line, without anything that is not plain text. */
export function wordsOf(type: string, body: Uint8Array): string {
  if (!/^text\/(plain|html)$/.test(type)) return ''
  const text = new TextDecoder().decode(body.subarray(0, 16_384))
  const plain = type === 'text/html' ? withoutTags(text) : text
  const line = plain.replace(/[\p{C}\p{Z}\s]+/gu, ' ').trim()
  return line.length > MOST_WORDS ? `${line.slice(0, MOST_WORDS)}...` : line
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
  '#39': "'",
  apos: "'",
}

function withoutTags(html: string): string {
  return html
    .replace(/<(script|style|head)\b[^>]*>[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<!--[\s\S]*?-->/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(amp|lt|gt|quot|nbsp|#39|apos);/g, (_, name: string) => ENTITIES[name] ?? '')
}
