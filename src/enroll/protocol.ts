/**
 * What an enrolment asks of a certificate authority (CA), whatever protocol it speaks; one file of protocols/ each.
 * A protocol brings octets to the CA and back over a connection that it has verified. Whether a certificate is the
 * right one is looked at by the enrolment, not here.
 */

/** Most octets of a certificate, a chain or an answer that a protocol takes from a CA. */
export const LONGEST_ANSWER = 256 * 1024

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface SubmitOptions extends CallOptions {
  /** The CA's name of the kind of certificate, where the protocol has a place for it. */
  readonly template?: string
  /** The request renews the certificate that is on the card (EST simplereenroll). */
  readonly renewal?: boolean
  /** Told what the CA knows the request by as soon as that is known, and before anything else is asked. */
  readonly taken?: (pending: PendingRequest) => Promise<void>
}

/** What is needed to ask again, also in another process. It is kept in a file: no secrets. */
export interface PendingRequest {
  /** The CA's number of the request; what it means is known to the protocol alone. At most 1024 characters. */
  readonly id: string
  /** How many seconds to wait before asking again, where the CA says so. */
  readonly retryAfter?: number
}

export interface Issued {
  /** DER. */
  readonly certificate: Uint8Array
  /** What came with it, in DER and in any order; it is not trusted for having come. */
  readonly chain: readonly Uint8Array[]
}

/** A refusal is no answer but an error. */
export type CaAnswer = Issued | { readonly pending: PendingRequest }

/**
 * @throws CaError of every method: ERR_CA_REFUSED with the CA's words, ERR_CA_LOGIN (credentials missing or wrong),
 * ERR_CA_UNTRUSTED (TLS not verified, a way over http), ERR_CA_UNAVAILABLE (not reached, or "try later"), ERR_CA_ANSWER
 * (malformed, or longer than LONGEST_ANSWER); what the signal gives
 */
export interface CaProtocol {
  /** For messages and the enrolment's file: `EST https://ca.example/.well-known/est`. No secrets. */
  readonly name: string
  /** The certificates of the CA (DER). They are a proposal: somebody has to trust them. */
  cacerts(options?: CallOptions): Promise<readonly Uint8Array[]>
  /** Hands in a request (PKCS#10, DER). The same request twice is to be answered twice, or refused. */
  submit(request: Uint8Array, options?: SubmitOptions): Promise<CaAnswer>
  /** Asks again for what was pending; `request` is the one that was handed in (EST repeats it). */
  fetch(pending: PendingRequest, request: Uint8Array, options?: SubmitOptions): Promise<CaAnswer>
}
