// Why evidence is refused: each reason has a name, which programs may rely on, and a sentence for people.

export const REFUSALS = {
  'too-large': 'The evidence is larger than any real one.',
  malformed: 'The evidence cannot be read: it was cut off or changed, or it is in no format that is known here.',
  version: 'The evidence is in a newer format than this program knows.',
  'nonce-missing': 'Evidence of a TPM proves nothing about today without the nonce that it was asked with.',
  nonce: 'The evidence answers another nonce: it is older, or was made for somebody else.',
  'not-generated': 'The signed structure does not begin as those that a TPM makes itself.',
  'wrong-kind': 'The TPM signed a statement of another kind.',
  signature: 'A signature is not that of the attestation key over what it should cover.',
  'weak-signature': 'A signature uses a hash that is broken.',
  'key-name': 'The TPM spoke of another key: the public area of this one does not have that Name.',
  'key-creation': 'The creation data are not those that the TPM certified.',
  'key-exportable': 'The key may leave its TPM: fixedTPM and fixedParent are not both set.',
  'key-imported': 'The key was made outside of the TPM and imported: sensitiveDataOrigin is not set.',
  'key-restricted': 'The key is restricted: it cannot sign what programs ask for.',
  'key-weak': 'The key is too short.',
  'key-password': 'The key can be used with a password of its own, so the PIN is not needed.',
  'key-policy': 'The policy of the key is none of those that a card has for this PIN counter.',
  'index-not-written': 'The PIN counter was never written: it was deleted and defined again, and no PIN works.',
  'index-attributes': 'The attributes of the PIN counter are not those of a card, so others may read or write it.',
  'index-policy': 'The policy of the PIN counter is not that of a card, so others may write it.',
  'index-name': 'The TPM spoke of another PIN counter.',
  'index-limit': 'The TPM allows another number of wrong PINs than the card was made with, or too many.',
  'burn-name': 'The certified creation is of another key than the one that wrote the PIN counter.',
  'burn-creation': 'The creation data of the key that wrote the PIN counter are not those that the TPM certified.',
  'burn-lasting': 'The key that wrote the PIN counter does not die when the TPM is reset.',
  'ak-not-restricted':
    'The attestation key is not restricted to statements of its TPM, or can leave it: it could sign anything.',
  'ak-certificate': 'The first attestation certificate is for another key than the attestation key.',
  'ak-purpose': 'The certificate of the attestation key is not for attestation keys (2.23.133.8.3).',
  'ak-names': 'The certificate of the attestation key does not name the maker, the model and the version of its TPM.',
  'ak-authority': 'The certificate of the attestation key is that of a CA.',
  'ek-purpose': 'The certificate of the endorsement key is not for endorsement keys (2.23.133.8.1).',
  'ek-names': 'The certificate of the endorsement key does not name the maker, the model and the version of its TPM.',
  'ek-mismatch': 'The endorsement key names another TPM than the attestation key.',
  'not-attestation': 'Nothing in it attests a key.',
  'wrong-issuer': 'The attestation was not issued by the attestation certificate of the card.',
  untrusted: 'No chain leads from a certificate to one of the roots.',
  expired: 'A certificate has expired.',
  'not-yet-valid': 'A certificate is not valid yet.',
  'critical-extension': 'A certificate has a critical extension that is not understood.',
  revoked: 'A certificate was revoked.',
  'revocation-list': 'A revocation list is not signed by the CA that it names, or has a part that is not understood.',
  'revocation-list-expired': 'A revocation list is too old.',
  tier: 'The evidence proves less about the TPM than was asked for.',
  'request-signature': 'The certificate request is not signed by its key.',
  'request-key': 'The certificate request is for another key than the evidence.',
} as const

export type RefusalCode = keyof typeof REFUSALS

/** Ends a verification. It never leaves this folder: `verifyAttestation` makes it a part of its verdict. */
export class Refused extends Error {
  override name = 'Refused'
  readonly code: RefusalCode
  /** What it is about, such as the subject of a certificate. */
  readonly about: string | undefined

  constructor(code: RefusalCode, about?: string) {
    super(REFUSALS[code])
    this.code = code
    this.about = about
  }
}

/** @throws Refused unless `holds` */
export function demand(holds: boolean, code: RefusalCode, about?: string): asserts holds {
  if (!holds) throw new Refused(code, about)
}
