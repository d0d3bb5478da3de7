// A signature beside what it signs, in the Cryptographic Message Syntax (CMS): for files, mail (S/MIME) and PDF.
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'
import type { Card } from 'tessera-card'
import { cardKey } from 'tessera-card/keys'

/** @returns SignedData in DER, with the certificate in the slot */
export async function sign(card: Card, slot: string, pin: string, content: Uint8Array): Promise<Buffer> {
  const stored = await card.getCertificate(slot)
  if (stored === undefined) throw new Error(`Slot ${slot} has no certificate.`)
  const certificate = pkijs.Certificate.fromBER(stored.certificate)
  const valueHex = await crypto.subtle.digest('SHA-256', content)
  const attributes = [
    { type: '1.2.840.113549.1.9.3', values: [new asn1js.ObjectIdentifier({ value: pkijs.ContentInfo.DATA })] },
    { type: '1.2.840.113549.1.9.4', values: [new asn1js.OctetString({ valueHex })] },
    { type: '1.2.840.113549.1.9.5', values: [new asn1js.UTCTime({ valueDate: new Date() })] },
  ].map((attribute) => new pkijs.Attribute(attribute))
  const signer = new pkijs.SignerInfo({
    version: 1,
    sid: new pkijs.IssuerAndSerialNumber({ issuer: certificate.issuer, serialNumber: certificate.serialNumber }),
    signedAttrs: new pkijs.SignedAndUnsignedAttributes({ type: 0, attributes }),
  })
  const signedData = new pkijs.SignedData({
    version: 1,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: pkijs.ContentInfo.DATA }),
    certificates: [certificate],
    signerInfos: [signer],
  })
  const key = await cardKey(card, slot, { onPin: pin })
  const algorithm = key.publicKey.asymmetricKeyType === 'ec' ? 'ECDSA' : 'RSASSA-PKCS1-v1_5'
  await signedData.sign(await key.cryptoKey(algorithm), 0, 'SHA-256')
  key.close()
  const whole = new pkijs.ContentInfo({
    contentType: pkijs.ContentInfo.SIGNED_DATA,
    content: signedData.toSchema(true),
  })
  return Buffer.from(whole.toSchema().toBER())
}
