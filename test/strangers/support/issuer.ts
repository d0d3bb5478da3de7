// A certification authority of the tests, run by openssl: certificates of the card's keys, right for their slots.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { file, newFile, ok } from './tools.ts'

/** Key usage of a certificate (RFC 5280, 4.2.1.3), by what the slot is for (SP 800-73-5 part 1, table 4b). */
const USAGE: Readonly<Record<string, { readonly ec: string; readonly rsa: string }>> = {
  sign: { ec: 'digitalSignature', rsa: 'digitalSignature' },
  nonRepudiation: { ec: 'digitalSignature,nonRepudiation', rsa: 'digitalSignature,nonRepudiation' },
  encipher: { ec: 'keyAgreement', rsa: 'keyEncipherment' },
}
const OF_SLOT: Readonly<Record<string, string>> = { '9a': 'sign', '9c': 'nonRepudiation', '9e': 'sign' }

export interface Issuer {
  /** PEM file of the authority's own certificate. */
  readonly path: string
  /** A certificate of a card's key, with the usage that its slot is for. */
  certify(slot: string, key: KeyObject, subject: string): Promise<X509Certificate>
  /** One of a server at 127.0.0.1. */
  certifyServer(key: KeyObject): Promise<X509Certificate>
}

export async function newIssuer(): Promise<Issuer> {
  const [key, path] = [newFile('.key'), newFile('.pem')]
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-days', '365']
  await ok('openssl', ['req', '-x509', ...fresh, '-subj', '/CN=Tessera test issuer', '-out', path])

  async function issue(publicKey: KeyObject, subject: string, ...extensions: string[]): Promise<X509Certificate> {
    const [pem, out] = [file(publicKey.export({ type: 'spki', format: 'pem' })), newFile('.pem')]
    const rows = file(['basicConstraints=CA:FALSE', ...extensions].join('\n'))
    const signing = ['-CA', path, '-CAkey', key, '-days', '365', '-extfile', rows]
    await ok('openssl', ['x509', '-new', '-force_pubkey', pem, '-subj', `/CN=${subject}`, ...signing, '-out', out])
    return new X509Certificate(readFileSync(out))
  }
  return {
    path,
    certify(slot, publicKey, subject) {
      const usage = USAGE[OF_SLOT[slot] ?? 'encipher']?.[publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec']
      return issue(publicKey, subject, `keyUsage=critical,${usage}`, 'extendedKeyUsage=clientAuth')
    },
    certifyServer: (publicKey) =>
      issue(publicKey, 'localhost', 'extendedKeyUsage=serverAuth', 'subjectAltName=IP:127.0.0.1'),
  }
}
