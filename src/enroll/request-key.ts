// The public key of a request: its SubjectPublicKeyInfo. RFC 2986, 4.1.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { DER } from '../iso7816/der.ts'
import { unwrap } from '../iso7816/tlv.ts'
import { Parts } from '../x509/parts.ts'

/** @param request PKCS#10 in DER @throws TlvError; Node's error for a malformed key */
export function keyOfRequest(request: Uint8Array = new Uint8Array(0)): KeyObject {
  const info = new Parts(new Parts(unwrap(request, DER.sequence)).take(DER.sequence))
  info.take(DER.integer)
  info.take(DER.sequence)
  return createPublicKey({ key: Buffer.from(info.takeWhole(DER.sequence)), format: 'der', type: 'spki' })
}
