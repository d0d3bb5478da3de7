// Why a server cannot be reached, trusted or understood over HTTPS, in words: a CA, or a service to sign in to.
import { isError } from '../errors.ts'
import { BadAnswer } from './body.ts'

const TRUST = 'Give the certificate of the CA that signed it with --ca-file'

/** The code of the error for a server that shows another certificate than a moment before. */
export const OTHER_CERTIFICATE = 'ERR_OTHER_CERTIFICATE'

/** Why the server's certificate is not trusted, by the error codes of OpenSSL and Node. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'its certificate is signed by itself, and is none of those that are trusted here. If you know that it is the right one, give it with --ca-file',
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate comes from a CA that is not known here. ${TRUST}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate comes from a CA that is not known here. ${TRUST}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate comes from a CA that is not known here. ${TRUST}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate comes from a CA that is not known here. ${TRUST}`,
  CERT_SIGNATURE_FAILURE: `its certificate is not signed by the CA that it names. ${TRUST}`,
  CERT_UNTRUSTED: `its certificate comes from a CA that is not trusted. ${TRUST}`,
  INVALID_CA: 'its certificate was not signed by a CA. Tell its administrator',
  INVALID_PURPOSE: 'its certificate is not for servers. Tell its administrator',
  CERT_HAS_EXPIRED: 'its certificate has expired. Check the clock of this machine, or tell its administrator',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet. Check the clock of this machine',
  CERT_REVOKED: 'its certificate is revoked. Tell its administrator',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for other names. Use a name that is in it, or tell its administrator',
  [OTHER_CERTIFICATE]:
    'it shows another certificate than a moment ago. Somebody may be in between; tell its administrator',
  HOSTNAME_MISMATCH: 'its certificate is for other names. Use a name that is in it, or tell its administrator',
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

export interface ServerFault {
  /**
   * `untrusted`: the server's certificate is not trusted. `login`: the server refuses the client's certificate.
   * `unavailable`: the server cannot be reached, or breaks the connection off. `answer`: its answer cannot be used.
   */
  readonly kind: 'untrusted' | 'login' | 'unavailable' | 'answer'
  /** The words after `The CA at HOST`, with what to do. */
  readonly words: string
  /** What went wrong with the answer, without what to do. */
  readonly fact?: string
}

const LOGIN = 'did not accept the client certificate, or requires one. Check which certificate is used.'
const NO_TLS =
  'cannot be reached: the server there speaks no TLS, or only old versions of it, or requires a client certificate. Check the port.'
const NOT_HTTP = 'it is not HTTP'
const ADVICE = 'Check the address and the network, or try later.'

/** The words after `The CA at HOST` for an answer that is malformed or unexpected. */
export const unusable = (why: string): string =>
  `gave an answer that cannot be used: ${why}. Check its address, or tell its administrator.`

/** What a failed call means. */
export function serverFault(cause: unknown): ServerFault {
  const { code = '', message = '' } = isError(cause) ? (cause as NodeJS.ErrnoException) : {}
  if (cause instanceof BadAnswer) return { kind: 'answer', words: unusable(message), fact: message }
  // Errors of Node's HTTP parser.
  if (code.startsWith('HPE_')) return { kind: 'answer', words: unusable(NOT_HTTP), fact: NOT_HTTP }
  const untrusted = UNTRUSTED[code]
  if (untrusted !== undefined) return { kind: 'untrusted', words: `cannot be trusted: ${untrusted}.` }
  if (/^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code)) return { kind: 'login', words: LOGIN }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return { kind: 'unavailable', words: NO_TLS }
  const why = UNREACHABLE[code] ?? (message || 'unknown reason')
  return { kind: 'unavailable', words: `cannot be reached: ${why}. ${ADVICE}`, fact: why }
}
