// A certificate request for a card's key, and a certificate that the key signs itself. Run: npx tsx certificate.ts SLOT >FILE
import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { openCard } from 'tessera-card'
import { cardKey } from 'tessera-card/keys'

const ALGORITHMS: Readonly<Record<string, webcrypto.EcKeyImportParams & webcrypto.EcdsaParams>> = {
  prime256v1: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
}
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

const [slot = '9a'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })
const key = await cardKey(card, slot, { onPin: '27182818' })
const algorithm = ALGORITHMS[key.publicKey.asymmetricKeyDetails?.namedCurve ?? ''] ?? RSA
const spki = key.publicKey.export({ type: 'spki', format: 'der' })

const content = {
  name: 'CN=Maria, O=Example',
  extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'email', value: 'maria@example.com' }])],
  signingAlgorithm: algorithm,
  keys: {
    privateKey: await key.cryptoKey(algorithm),
    publicKey: await crypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  },
}
const request = await x509.Pkcs10CertificateRequestGenerator.create(content)
const certificate = await x509.X509CertificateGenerator.createSelfSigned(content)
console.log(request.toString('pem'))
console.log(certificate.toString('pem'))

key.close()
await card.close()
