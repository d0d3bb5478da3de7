// Evidence as WebAuthn has it: an attestation object of the format "tpm". WebAuthn Level 2, 6.5.4 and 8.3.
import { concat, equal, leftPad, sha256, utf8 } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { ecdsaToDer } from '../piv/ecdsa.ts'
import type { Slot } from '../piv/slots.ts'
import type { CardAttestor } from '../tpm/attest/index.ts'
import { readSignature } from '../tpm/codec/attestation.ts'
import { decodePublic, type ObjectPublic } from '../tpm/codec/public.ts'
import { u16, u32 } from '../tpm/codec/wire.ts'
import { readCertificate } from '../x509/certificate.ts'
import { type Cbor, writeCbor } from './cbor.ts'

/** Key types, curves and algorithms of COSE: RFC 9053, RFC 8812. */
const ES256 = -7
const RS256 = -257
const CURVES = { 'P-256': { id: 1, algorithm: ES256 }, 'P-384': { id: 2, algorithm: -35 } } as const

/**
 * Attested credential data, and somebody who asked for it (UP). Not UV: a key is certified without the PIN, so that nobody was
 * verified, whatever the key asks for later.
 */
const FLAGS = 0x41
const NO_MODEL = new Uint8Array(16)

function coseKey(key: ObjectPublic): Cbor {
  if (key.type === 'rsa')
    return new Map<number, Cbor>([
      [1, 3],
      [3, RS256],
      [-1, key.modulus],
      [-2, u32(key.exponent).subarray(1)],
    ])
  const { id, algorithm } = CURVES[key.curve.algorithm]
  return new Map<number, Cbor>([
    [1, 2],
    [3, algorithm],
    [-1, id],
    [-2, key.x],
    [-3, key.y],
  ])
}

/** The signature as verifiers take it: of RSA by itself, of ECDSA in DER. */
function plain(signature: Uint8Array): Uint8Array {
  const { scheme, numbers } = readSignature(signature)
  if (scheme !== 'ECDSA') return numbers[0] ?? new Uint8Array(0)
  const octets = Math.max(...numbers.map(({ length }) => length))
  return ecdsaToDer(concat(...numbers.map((number) => leftPad(number, octets))))
}

export interface WebAuthnOptions {
  /** SHA-256 of the client data. */
  readonly clientDataHash: Uint8Array
  /** The domain of the service. */
  readonly rpId: string
}

/**
 * The attestation object in CBOR. The id of the credential is the SHA-256 of the public area.
 * @throws CardError ERR_NOT_SUPPORTED for a key that only CertifyCreation attests, and without a certificate
 */
export async function webauthnAttestation(
  attestor: Pick<CardAttestor, 'ak' | 'certifyKey'>,
  slot: Slot,
  { clientDataHash, rpId }: WebAuthnOptions,
): Promise<Uint8Array> {
  const { public: akArea, certificates } = await attestor.ak()
  if (certificates.length === 0) throw unsupported('the attestation key has no certificate')
  const { public: area } = await attestor.certifyKey(slot, clientDataHash)
  const credential = sha256(area)
  const data = concat(
    ...[sha256(utf8(rpId)), Uint8Array.of(FLAGS), u32(0), NO_MODEL],
    ...[u16(credential.length), credential, writeCbor(coseKey(decodePublic(area)))],
  )
  const certified = await attestor.certifyKey(slot, sha256(data, clientDataHash))
  if (certified.kind !== 'certify') throw unsupported('the key was made before Tessera made keys that can be certified')
  const statement = new Map<string, Cbor>([
    ['alg', decodePublic(akArea, 'any').type === 'rsa' ? RS256 : ES256],
    ['sig', plain(certified.signature)],
    ['ver', '2.0'],
    ['x5c', certificates.filter((one) => !isRoot(one))],
    ['pubArea', certified.public],
    ['certInfo', certified.attest],
  ])
  const object = new Map<string, Cbor>([
    ['fmt', 'tpm'],
    ['attStmt', statement],
    ['authData', data],
  ])
  return writeCbor(object)
}

/** Verifiers have the roots that they trust, and some refuse a path with one in it. */
function isRoot(der: Uint8Array): boolean {
  const { subject, issuer } = readCertificate(der)
  return subject.length > 2 && equal(subject, issuer)
}

const unsupported = (why: string): CardError =>
  new CardError('ERR_NOT_SUPPORTED', `WebAuthn cannot have evidence about this key: ${why}. Use the format tessera.`)
