// Certificates that say of a key that it was made in the vault, as Yubico's cards make them: RFC 5280, and extensions of
// Yubico's ("PIV attestation").
import { createPublicKey, X509Certificate } from 'node:crypto'
import { library as x509 } from '../../x509/library.ts'
import { providerOf, type SigningProvider } from '../../x509/provider.ts'
import { ALGORITHMS } from '../algorithms.ts'
import { integer } from '../der.ts'
import { hashOf, pkcs1Block } from '../emsa.ts'
import { PIN_POLICY_IDS } from '../slots.ts'
import { ATTESTED, FIRMWARE, policiesOctets, serialOf } from '../yubico.ts'
import { type CardIdentity, expiryOf } from './identity.ts'
import type { AttestationKey, VaultKey } from './vault.ts'

/** What every attestation is signed with, whatever key it is about. */
const HASH = 'SHA-256'

function providerBy({ algorithm, spki, signDigest, rawRsa }: AttestationKey): Promise<SigningProvider> {
  const { kind, octets } = ALGORITHMS[algorithm]
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const sign = async (message: Uint8Array): Promise<Uint8Array> => {
    const digest = hashOf(HASH, message)
    return kind === 'ec' ? signDigest(digest) : rawRsa(pkcs1Block(digest, HASH, octets))
  }
  return providerOf({ publicKey, sign }, { hash: HASH, padding: 'pkcs1' })
}

const exactly = (octets: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(octets)

/** The certificate (DER) of the attestation key, by itself. It says what kind of TPM speaks. */
export async function ownCertificate(key: AttestationKey, identity: CardIdentity): Promise<Uint8Array> {
  const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, SubjectKeyIdentifierExtension, ...library } =
    await x509()
  const { crypto, ...by } = await providerBy(key)
  const certificate = await library.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [`Tessera PIV Attestation (${identity.assurance} TPM)`] }],
      ...by,
      notBefore: identity.created,
      notAfter: expiryOf(identity),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
        await SubjectKeyIdentifierExtension.create(by.keys.publicKey, false, crypto),
      ],
    },
    crypto,
  )
  return new Uint8Array(certificate.rawData)
}

/** Whether a certificate (DER) is one of the attestation key, and so can be the issuer of attestations. */
export function isOf(certificate: Uint8Array, { spki }: AttestationKey): boolean {
  try {
    return new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }).equals(spki)
  } catch {
    return false
  }
}

/** The attestation (DER) of a key that was made in the vault. It lasts as long as its issuer's certificate. */
export async function attestationOf(
  subject: VaultKey,
  key: AttestationKey,
  issuer: Uint8Array,
  identity: CardIdentity,
): Promise<Uint8Array> {
  const library = await x509()
  const { crypto, keys, signingAlgorithm } = await providerBy(key)
  const by = new library.X509Certificate(exactly(issuer))
  const issuerId = by.getExtension(library.SubjectKeyIdentifierExtension)?.keyId
  const extension = (oid: string, value: Uint8Array) => new library.Extension(oid, false, exactly(value))
  const certificate = await library.X509CertificateGenerator.create(
    {
      subject: [{ CN: [`Tessera PIV Attestation ${subject.slot}`] }],
      issuer: by.subjectName,
      notBefore: by.notBefore,
      notAfter: by.notAfter,
      publicKey: await library.PublicKey.create(exactly(subject.spki), crypto),
      signingKey: keys.privateKey,
      signingAlgorithm,
      extensions: [
        ...(issuerId === undefined ? [] : [new library.AuthorityKeyIdentifierExtension(issuerId)]),
        extension(ATTESTED.firmware, FIRMWARE),
        extension(ATTESTED.serial, integer(serialOf(identity.cardId))),
        extension(ATTESTED.policies, policiesOctets(PIN_POLICY_IDS[subject.pinPolicy])),
      ],
    },
    crypto,
  )
  return new Uint8Array(certificate.rawData)
}
