// Errors of a connection: Node's own, unless the cause is the card or its certificate.
import { isError, TlsError } from '../errors.ts'
import type { ErrorParts } from './messages.ts'

/** Node's error, rebuilt from its parts that the worker thread sent. */
function nodeError({ message, fields, errors }: ErrorParts): Error {
  const error = errors === undefined ? new Error(message) : new AggregateError(errors.map(nodeError), message)
  return Object.assign(error, fields)
}

/** Alerts about a client's certificate, RFC 8446, 6.2. In TLS 1.3 they come after the client has finished its handshake. */
const ALERTS: ReadonlyMap<string, string> = new Map([
  ['BAD_CERTIFICATE', 'it does not accept it'],
  ['UNSUPPORTED_CERTIFICATE', 'it does not take this kind of certificate'],
  ['CERTIFICATE_REVOKED', 'it was revoked'],
  ['CERTIFICATE_EXPIRED', 'it has expired'],
  ['CERTIFICATE_UNKNOWN', 'it does not accept it'],
  ['UNKNOWN_CA', 'it does not know the CA that issued it'],
  ['ACCESS_DENIED', 'its owner may not come in'],
  ['CERTIFICATE_REQUIRED', 'it got none that it could use'],
])

/** @param refusal why the card did not sign, if it did not */
export function connectionError(parts: ErrorParts, slot: string, refusal: unknown): Error {
  const error = nodeError(parts)
  if (refusal !== undefined) {
    const why = isError(refusal) ? refusal.message : String(refusal)
    return new TlsError('ERR_TLS_HANDSHAKE', `The card did not sign for this connection: ${why}`, { cause: refusal })
  }
  const [, alert = ''] = /_ALERT_(\w+)$/.exec(String(parts.fields.code)) ?? []
  const why = ALERTS.get(alert)
  if (why === undefined) return error
  const message = `The server refuses the certificate in slot ${slot}: ${why}. Ask its administrator which CA it trusts.`
  return new TlsError('ERR_TLS_REFUSED', message, { cause: error })
}
