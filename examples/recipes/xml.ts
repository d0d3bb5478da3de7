// An XML document with its signature inside (XML Signature, enveloped). Run: npx tsx xml.ts SLOT <IN.xml >OUT.xml
import { type BinaryLike, type KeyLike, sign, X509Certificate } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { openCard } from 'tessera-card'
import { cardKey } from 'tessera-card/keys'
import { type ErrorFirstCallback, type SignatureAlgorithm, SignedXml } from 'xml-crypto'

const [slot = '9c'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })
const stored = await card.getCertificate(slot)
if (stored === undefined) throw new Error(`Slot ${slot} has no certificate.`)
const key = await cardKey(card, slot, { onPin: '27182818' })

const kind = key.publicKey.asymmetricKeyType === 'ec' ? 'ecdsa' : 'rsa'
const signatureAlgorithm = `http://www.w3.org/2001/04/xmldsig-more#${kind}-sha256`
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'

/** What xml-crypto brings along signs synchronously, which a card's key does not. */
class CardSignature implements SignatureAlgorithm {
  getSignature(data: BinaryLike, _key: KeyLike, done?: ErrorFirstCallback<string>): string {
    const octets = Buffer.from(String(data))
    sign('sha256', octets, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }, (error, signature) => {
      done?.(error, signature?.toString('base64'))
    })
    return ''
  }
  verifySignature = () => false
  getAlgorithmName = () => signatureAlgorithm
}

const signed = new SignedXml({
  privateKey: key.privateKey,
  publicCert: new X509Certificate(stored.certificate).toString(),
  signatureAlgorithm,
  canonicalizationAlgorithm: exclusive,
})
signed.SignatureAlgorithms[signatureAlgorithm] = CardSignature
signed.addReference({
  xpath: '/*',
  isEmptyUri: true,
  transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', exclusive],
  digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
})
const xml = await text(process.stdin)
await new Promise<void>((resolve, reject) => {
  signed.computeSignature(xml, (error) => (error ? reject(error) : resolve()))
})
process.stdout.write(signed.getSignedXml())

key.close()
await card.close()
