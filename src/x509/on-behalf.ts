/**
 * A request for somebody else, signed by an enrolment agent: a PKCS#10 in CMS, with the other person's name as a signed
 * attribute. [MS-WCCE] 3.1.1.4.3.3 and 2.2.2.7.10.
 */
import { DER, element } from '../iso7816/der.ts'
import { readTlvs, TlvError, tlv, unwrap } from '../iso7816/tlv.ts'
import { readSignedData, type SignedData, writeSignedData } from './signed-data.ts'
import { bmpOf, textOf } from './text.ts'
import type { Signer } from './write.ts'

/** szOID_ENROLLMENT_NAME_VALUE_PAIR. */
const NAME_AND_VALUE = '1.3.6.1.4.1.311.13.2.1'
const REQUESTER = 'requestername'

export interface OnBehalfRequest {
  /** PKCS#10, DER. */
  readonly request: Uint8Array
  /** For whom: `DOMAIN\name`. */
  readonly requester: string
}

/** @param certificate the agent's, DER. @returns DER */
export function writeOnBehalf(
  { request, requester }: OnBehalfRequest,
  certificate: Uint8Array,
  signer: Signer,
): Promise<Uint8Array> {
  const pair = [REQUESTER, requester].map((text) => tlv(DER.bmp, bmpOf(text)))
  const attributes = [{ id: NAME_AND_VALUE, value: element(DER.sequence, ...pair) }]
  return writeSignedData({ content: request, certificate, attributes }, signer)
}

/** Nothing of it is checked, neither the signature nor the request. @throws TlvError */
export function readOnBehalf(octets: Uint8Array): OnBehalfRequest & { readonly data: SignedData } {
  const data = readSignedData(octets)
  const pairs = data.attributes.filter(({ id }) => id === NAME_AND_VALUE).map(({ value }) => pairOf(value))
  const [requester, ...others] = pairs.filter(([name]) => name.toLowerCase() === REQUESTER)
  if (requester === undefined || others.length > 0) throw new TlvError('it does not say for whom it is')
  return { request: data.content, requester: requester[1], data }
}

/** Some programs write the zero at the end of texts in C. */
function pairOf(value: Uint8Array): readonly [name: string, value: string] {
  const texts = readTlvs(unwrap(value, DER.sequence), 'BER').map((one) => textOf(one.tag, one.value))
  const [name, text] = texts.map((one) => one?.replace(/\0$/, ''))
  if (name === undefined || text === undefined || texts.length > 2)
    throw new TlvError('a name and its value are malformed')
  return [name, text]
}
