// What every protocol does with an HTTP answer: puts its status into words, and reads its certificates.
import { X509Certificate } from 'node:crypto'
import { equal } from '../../bytes.ts'
import { CaError, UsageError } from '../../errors.ts'
import { TlvError } from '../../iso7816/tlv.ts'
import { readCertsOnly } from '../../x509/certs-only.ts'
import type { Issued } from '../protocol.ts'
import { keyOfRequest } from '../request-key.ts'
import type { CaResponse, Connection } from './connection.ts'
import { wordsOf } from './faults.ts'

/** What a status means, unless the protocol says otherwise. RFC 9110, section 15. */
type Meanings = Readonly<Record<number, 'login' | 'refused' | 'later' | 'elsewhere'>>
const STATUSES: Meanings = {
  400: 'refused',
  401: 'login',
  403: 'refused',
  404: 'elsewhere',
  405: 'elsewhere',
  406: 'elsewhere',
  407: 'elsewhere',
  408: 'later',
  409: 'refused',
  410: 'elsewhere',
  413: 'refused',
  415: 'refused',
  422: 'refused',
  429: 'later',
  501: 'elsewhere',
}

/** The error for an answer that is not a success. */
export function refusal(
  { address: { host } }: Connection,
  response: CaResponse,
  what: string,
  own: Meanings = {},
): CaError {
  const { status } = response
  const words = wordsOf(response.type, response.body)
  const said = words === '' ? `HTTP status ${status}` : `"${words}" (HTTP status ${status})`
  const details = { status, fact: said, ...(words === '' ? {} : { words }) }
  const meaning = own[status] ?? STATUSES[status] ?? (status >= 500 ? 'later' : 'strange')
  const make = (code: ConstructorParameters<typeof CaError>[0], message: string) => new CaError(code, message, details)
  switch (meaning) {
    case 'refused':
      return make('ERR_CA_REFUSED', `The CA at ${host} refused: ${said}.`)
    case 'login':
      return make(
        'ERR_CA_LOGIN',
        `The CA at ${host} did not accept the login: ${said}. Check the user name and the password.`,
      )
    case 'later':
      return make(
        'ERR_CA_UNAVAILABLE',
        `The CA at ${host} cannot do this now: ${said}. Try later, or tell the people who run it.`,
      )
    case 'elsewhere':
      return make('ERR_CA_ANSWER', `There is no ${what} at this address of ${host}: ${said}. Check the address.`)
    default:
      return make(
        'ERR_CA_ANSWER',
        `The CA at ${host} gave an answer that Tessera does not know: ${said}. Tell the people who run it.`,
      )
  }
}

/** The certificates in an envelope of PKCS#7. @throws CaError ERR_CA_ANSWER */
export function certificatesIn(connection: Connection, envelope: Uint8Array): Uint8Array[] {
  try {
    const certificates = readCertsOnly(envelope)
    for (const certificate of certificates) new X509Certificate(certificate)
    return certificates
  } catch (cause) {
    const why = cause instanceof TlvError ? cause.message : 'something in it is not a certificate'
    throw connection.answer(`its certificates are not in order: ${why}`, { cause })
  }
}

/** The certificate for a key (SPKI, DER) among those that came. @throws CaError ERR_CA_ANSWER if there is none */
export function issuedFor(connection: Connection, key: Uint8Array, came: readonly Uint8Array[]): Issued {
  const certificate = came.find((one) => equal(spkiOf(one) ?? new Uint8Array(0), key))
  if (certificate === undefined) throw connection.answer('it has no certificate for the key of the request')
  return { certificate, chain: came.filter((one) => one !== certificate) }
}

/** Undefined for an unsupported type of key, which cannot be the one that was asked for. */
function spkiOf(certificate: Uint8Array): Uint8Array | undefined {
  try {
    return new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  } catch {
    return undefined
  }
}

/** SubjectPublicKeyInfo of a request, RFC 2986, 4. @throws UsageError ERR_USAGE for a malformed request */
export function publicKeyOf(request: Uint8Array): Uint8Array {
  try {
    return keyOfRequest(request).export({ type: 'spki', format: 'der' })
  } catch (cause) {
    throw new UsageError('ERR_USAGE', 'This is not a certificate request (PKCS#10).', { cause })
  }
}
