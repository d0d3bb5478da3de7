/**
 * A key that signs somewhere else, in the shape of WebCrypto as @peculiar/x509 takes it: `subtle.sign` calls whoever has
 * the key, everything else is Node's. The provider is handed in with each call; nothing global is set.
 */
import { type KeyObject, webcrypto } from 'node:crypto'
import { HASHES, type Hash } from '../piv/algorithms.ts'

/** How a signature is made. */
export interface SigningAlgorithm {
  readonly hash: Hash
  /** Of RSA; PSS salts are as long as the hash. */
  readonly padding: 'pkcs1' | 'pss'
}

export interface Signer {
  readonly publicKey: KeyObject
  /** The signature over `data`: of ECDSA r || s, each as long as the curve's numbers. */
  sign(data: Uint8Array, algorithm: SigningAlgorithm): Promise<Uint8Array>
}

type PrivateKey = Omit<webcrypto.CryptoKey, typeof Symbol.toStringTag>

/** What the generators of @peculiar/x509 take: `keys` and `signingAlgorithm` among their parameters, `crypto` last. */
export interface SigningProvider {
  readonly keys: { readonly publicKey: webcrypto.CryptoKey; readonly privateKey: PrivateKey }
  readonly signingAlgorithm: { readonly hash: Hash; readonly saltLength?: number }
  readonly crypto: object
}

/** `algorithm.padding` counts for RSA alone. */
export async function providerOf(signer: Signer, algorithm: SigningAlgorithm): Promise<SigningProvider> {
  const { subtle } = webcrypto
  const spki = signer.publicKey.export({ type: 'spki', format: 'der' })
  const publicKey = await subtle.importKey('spki', spki, nameOf(signer.publicKey, algorithm), true, ['verify'])
  const privateKey: PrivateKey = {
    type: 'private',
    extractable: false,
    usages: ['sign'],
    algorithm: publicKey.algorithm,
  }
  const sign = async (_algorithm: unknown, key: unknown, data: ArrayBuffer): Promise<ArrayBuffer> => {
    if (key !== privateKey) throw new TypeError('This provider signs with its own key only.')
    return Uint8Array.from(await signer.sign(new Uint8Array(data), algorithm)).buffer
  }
  return {
    keys: { publicKey, privateKey },
    signingAlgorithm: { hash: algorithm.hash, saltLength: HASHES[algorithm.hash] },
    crypto: {
      getRandomValues: (octets: Uint8Array) => webcrypto.getRandomValues(octets),
      subtle: {
        sign,
        digest: subtle.digest.bind(subtle),
        exportKey: subtle.exportKey.bind(subtle),
        importKey: subtle.importKey.bind(subtle),
        verify: subtle.verify.bind(subtle),
      },
    },
  }
}

function nameOf(
  key: KeyObject,
  { hash, padding }: SigningAlgorithm,
): webcrypto.RsaHashedImportParams | webcrypto.EcKeyImportParams {
  if (key.asymmetricKeyType === 'rsa') return { name: padding === 'pss' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash }
  return { name: 'ECDSA', namedCurve: key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256' }
}
