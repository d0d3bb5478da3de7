// Certificates as files and CAs deliver them: PEM, one or several, or DER.
import { X509Certificate } from 'node:crypto'
import { CardError } from '../errors.ts'
import { DER } from '../iso7816/der.ts'
import { ifWellFormed } from '../iso7816/tlv.ts'
import { LONGEST_CERTIFICATE } from '../piv/certificate.ts'
import { firstElement } from '../x509/ber.ts'
import { readPem } from '../x509/pem.ts'

/** Most octets of a file with certificates, and most certificates in it. */
export const LONGEST_FILE = 256 * 1024
export const MOST_IN_FILE = 32

const LABELS = ['CERTIFICATE', 'X509 CERTIFICATE']

const bad = (why: string, cause?: unknown) =>
  new CardError('ERR_DATA', `There is no usable certificate in this: ${why}.`, { cause })

/**
 * The certificates in a file, in its order, each in DER. Text around PEM is ignored; other content in PEM is an error.
 * @throws CardError ERR_DATA
 */
export function readCertificates(octets: Uint8Array): Uint8Array[] {
  if (octets.length > LONGEST_FILE) throw bad(`it is longer than ${LONGEST_FILE} octets`)
  const found = isOneElement(octets) ? [octets.slice()] : [...blocks(octets)]
  // Text may begin with the digit 0, which is the first octet of DER.
  if (found.length === 0 && octets[0] === DER.sequence) found.push(octets.slice())
  if (found.length === 0) throw bad('it is neither PEM ("BEGIN CERTIFICATE") nor DER')
  if (found.length > MOST_IN_FILE) throw bad(`it has more than ${MOST_IN_FILE} certificates`)
  return found.map(checkCertificate)
}

const isOneElement = (octets: Uint8Array): boolean =>
  octets[0] === DER.sequence && ifWellFormed(() => firstElement(octets))?.length === octets.length

function* blocks(octets: Uint8Array): Iterable<Uint8Array> {
  for (const { label, der } of readPem(octets)) {
    if (label.includes('PRIVATE KEY'))
      throw bad('it has a private key; import that with key import, or take it out of the file')
    if (!LABELS.includes(label)) throw bad(`it has a ${label.toLowerCase()} and not a certificate`)
    if (der === undefined) throw bad('its PEM is damaged')
    yield der
  }
}

function checkCertificate(der: Uint8Array): Uint8Array {
  if (der.length > LONGEST_CERTIFICATE) throw bad(`a certificate is longer than ${LONGEST_CERTIFICATE} octets`)
  try {
    // OpenSSL ignores data after a certificate, and writes in DER what was not.
    const { raw } = new X509Certificate(der)
    if (firstElement(der).length === der.length) return Uint8Array.from(raw)
  } catch (cause) {
    throw bad('it is malformed', cause)
  }
  throw bad('there are octets after a certificate')
}
