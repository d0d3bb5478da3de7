/**
 * What an enrolment needs from a certificate authority (CA), whatever protocol it speaks; protocols/ has one file for
 * each. A protocol carries octets to the CA and back over a connection that it has verified. Checking the certificate
 * is up to the enrolment.
 */
import type { CaError } from '../errors.ts'

/** Most octets of a certificate, a chain or an answer that a protocol accepts from a CA. */
export const LONGEST_ANSWER = 256 * 1024
/** Longest wait that a CA may ask for, in seconds. */
export const LONGEST_WAIT = 7 * 24 * 60 * 60

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface SubmitOptions extends CallOptions {
  /** The CA's name for the kind of certificate, if the protocol has a field for it. */
  readonly template?: string
  /** The request as an enrolment agent signed it (CMS, DER): handed in in its place. */
  readonly signed?: Uint8Array
  /** The request renews the certificate that is on the card (EST simplereenroll). */
  readonly renewal?: boolean
  /**
   * Called right before the request goes out, to a CA that has proved its identity: from then on it may have it. If this
   * is rejected, nothing goes out.
   */
  readonly sending?: () => Promise<void>
  /**
   * Called when an answer shows that the CA has not accepted the request, and it will be sent once more, as after a
   * redirect. `sending` is called again then.
   */
  readonly unaccepted?: () => Promise<void>
  /** Called with the CA's number of the request as soon as it is known, before anything else is asked. */
  readonly taken?: (pending: PendingRequest) => Promise<void>
}

/** What is needed to ask again, even from another process. It is stored in a file: no secrets. */
export interface PendingRequest {
  /** The CA's number of the request; only the protocol knows its meaning. At most 1024 characters. */
  readonly id: string
  /** How many seconds to wait before asking again, if the CA says so. */
  readonly retryAfter?: number
}

export interface Issued {
  /** DER. */
  readonly certificate: Uint8Array
  /** Certificates that came with it, in DER and in any order. They are not trusted. */
  readonly chain: readonly Uint8Array[]
}

/** `denied`: the CA has decided against the request. Any other refusal is thrown, and decides nothing. */
export type CaAnswer = Issued | { readonly pending: PendingRequest } | { readonly denied: CaError }

/**
 * @throws CaError from every method: ERR_CA_REFUSED with the CA's words, ERR_CA_LOGIN (credentials missing or wrong),
 * ERR_CA_UNTRUSTED (TLS not verified, a redirect over http), ERR_CA_UNAVAILABLE (not reached, or "try later"),
 * ERR_CA_ANSWER (malformed, or longer than LONGEST_ANSWER); the reason of the signal
 */
export interface CaProtocol {
  /** For messages and the enrolment's file: `EST https://ca.example/.well-known/est`. No secrets. */
  readonly name: string
  /** The certificates of the CA (DER). They are only a proposal: the user has to decide whether to trust them. */
  cacerts(options?: CallOptions): Promise<readonly Uint8Array[]>
  /**
   * Submits a request (PKCS#10, DER). After `sending`, the CA has not accepted the request if this throws ERR_CA_REFUSED
   * or ERR_CA_LOGIN, or an error with an HTTP status that says so. After any other error the CA may have it.
   */
  submit(request: Uint8Array, options?: SubmitOptions): Promise<CaAnswer>
  /**
   * Asks again for the answer to a request that the CA may have. Missing where a CA that gets a request twice makes two
   * requests of it. EST hands the same request in again, since it has no other way to ask: a CA that issues at once may
   * issue a second certificate for the same key.
   */
  recover?(request: Uint8Array, options?: SubmitOptions): Promise<CaAnswer>
  /** Asks again about a pending request; `request` is the one that was submitted (EST repeats it). */
  fetch(pending: PendingRequest, request: Uint8Array, options?: SubmitOptions): Promise<CaAnswer>
}
