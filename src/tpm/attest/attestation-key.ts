// The attestation key of a card (AK). It is restricted: it signs only what the TPM itself states.
import { X509Certificate } from 'node:crypto'
import { concat, equal } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { decodePublic, publicKeyOf } from '../codec/public.ts'
import { EMPTY_SIZED, sized, u16, u32 } from '../codec/wire.ts'
import { command } from '../command.ts'
import { ALG, CC, CURVE, OBJECT } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { asSrk } from '../keys/create.ts'
import type { Srk } from '../srk.ts'
import type { CardFile } from '../store/card-file.ts'
import { creationOf } from './statements.ts'

type KeptAk = NonNullable<CardFile['ak']>

/**
 * adminWithPolicy is clear, since TPM2_ActivateCredential needs the ADMIN role. Anyone with the card file and the TPM can use
 * this key; all that it signs is true.
 */
const ATTRIBUTES =
  OBJECT.fixedTPM |
  OBJECT.fixedParent |
  OBJECT.sensitiveDataOrigin |
  OBJECT.userWithAuth |
  OBJECT.noDA |
  OBJECT.restricted |
  OBJECT.sign

/** P-256, ECDSA with SHA-256: every TPM has it, and every verifier. */
const TEMPLATE = concat(
  u16(ALG.ECC),
  u16(ALG.SHA256),
  u32(ATTRIBUTES),
  EMPTY_SIZED,
  u16(ALG.NULL),
  u16(ALG.ECDSA),
  u16(ALG.SHA256),
  u16(CURVE.P256),
  u16(ALG.NULL),
  EMPTY_SIZED,
  EMPTY_SIZED,
)

export async function createAk(device: TpmDevice, srk: Srk): Promise<KeptAk['key']> {
  const answer = await asSrk(device, srk, (auth) => command(CC.Create, [srk], [auth], ...creationOf(TEMPLATE)))
  const [privateArea, publicArea] = [sized(answer.sized()), sized(answer.sized())]
  const creation = { data: sized(answer.sized()), hash: answer.sized(), ticket: answer.rest() }
  return { public: publicArea, private: privateArea, creation }
}

/** The keys of a card, with this chain as that of its attestation key. @throws CardError ERR_CERTIFICATE_KEY */
export function withCertificates(ak: KeptAk, certificates: readonly Uint8Array[]): KeptAk {
  const [own] = certificates
  if (own === undefined || !isFor(own, ak.key.public.subarray(2))) {
    const message =
      'This certificate is not for the attestation key of this card. Ask the CA for one for the key that the card has now.'
    throw new CardError('ERR_CERTIFICATE_KEY', message)
  }
  return { ...ak, certificates: [...certificates] }
}

/** Whether a certificate is for the key with this public area. */
export function isFor(certificate: Uint8Array, area: Uint8Array): boolean {
  try {
    const certified = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
    return equal(certified, publicKeyOf(decodePublic(area, 'any')).export({ type: 'spki', format: 'der' }))
  } catch {
    return false
  }
}
