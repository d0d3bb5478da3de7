// Certificates which state that a key was made in the vault, in the form of Yubico's cards: RFC 5280, and Yubico's
// extensions ("PIV attestation").
import { createPublicKey, X509Certificate } from 'node:crypto'
import { integer } from '../../iso7816/der.ts'
import { readTlv } from '../../iso7816/tlv.ts'
import { extensionIn, readCertificate } from '../../x509/certificate.ts'
import { authorityKey, basicConstraints, extension, subjectKey } from '../../x509/extensions.ts'
import { writeName } from '../../x509/name.ts'
import { writeUsages } from '../../x509/usages.ts'
import { type Signer, writeCertificate } from '../../x509/write.ts'
import { ALGORITHMS } from '../algorithms.ts'
import { ecdsaToDer } from '../ecdsa.ts'
import { hashOf, pkcs1Block } from '../emsa.ts'
import { PIN_POLICY_IDS } from '../slots.ts'
import { ATTESTED, FIRMWARE, policiesOctets, serialOf } from '../yubico.ts'
import { type CardIdentity, expiryOf } from './identity.ts'
import type { AttestationKey, VaultKey } from './vault.ts'

/** The hash of every attestation's signature, whatever key it is about. */
const HASH = 'SHA-256'

function signerBy({ algorithm, spki, signDigest, rawRsa }: AttestationKey): Signer {
  const { kind, octets } = ALGORITHMS[algorithm]
  return {
    publicKey: createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }),
    algorithm: { hash: HASH, padding: 'pkcs1' },
    async sign(message) {
      const digest = hashOf(HASH, message)
      return kind === 'ec' ? ecdsaToDer(await signDigest(digest)) : rawRsa(pkcs1Block(digest, HASH, octets))
    },
  }
}

/** The self-signed certificate (DER) of the attestation key. It names the kind of TPM. */
export function ownCertificate(key: AttestationKey, identity: CardIdentity): Promise<Uint8Array> {
  const name = writeName(['CN', `Tessera PIV Attestation (${identity.assurance} TPM)`])
  return writeCertificate(
    {
      issuer: name,
      subject: name,
      notBefore: identity.created,
      notAfter: expiryOf(identity),
      spki: key.spki,
      extensions: [
        basicConstraints(true),
        extension('keyUsage', writeUsages(['keyCertSign']), true),
        subjectKey(key.spki),
      ],
    },
    signerBy(key),
  )
}

/** Whether a certificate (DER) belongs to the attestation key, and so can be the issuer of attestations. */
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
  const by = readCertificate(issuer)
  const issuerKey = extensionIn(by, 'subjectKeyIdentifier')
  const own = (id: string, value: Uint8Array) => ({ id, critical: false, value })
  return writeCertificate(
    {
      issuer: by.subject,
      subject: writeName(['CN', `Tessera PIV Attestation ${subject.slot}`]),
      notBefore: by.notBefore,
      notAfter: by.notAfter,
      spki: subject.spki,
      extensions: [
        ...(issuerKey === undefined ? [] : [authorityKey(readTlv(issuerKey.value).value)]),
        own(ATTESTED.firmware, FIRMWARE),
        own(ATTESTED.serial, integer(serialOf(identity.cardId))),
        own(ATTESTED.policies, policiesOctets(PIN_POLICY_IDS[subject.pinPolicy])),
      ],
    },
    signerBy(key),
  )
}
