// ATTEST, and management of the attestation key F9. Yubico's instructions (src/piv/yubico.ts).
import { refuseUnless, StatusError, SW } from '../../../iso7816/status.ts'
import { ifWellFormed } from '../../../iso7816/tlv.ts'
import { readCertificate, writeCertificate } from '../../certificate.ts'
import { FIRST_STATE, modelOf } from '../../first-state.ts'
import { fromSpki, writePublicKey } from '../../public-key.ts'
import { ATTESTATION_CERTIFICATE } from '../../yubico.ts'
import { attestationOf, isOf, ownCertificate } from '../attestation.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext } from '../context.ts'
import type { AttestationKey } from '../vault.ts'
import { unknownMechanism } from './keys.ts'
import { importing } from './manage.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

/** The answer is the bare certificate. Nothing can be attested about an imported key: 6A80. */
export async function attest(context: CardContext, { slot }: Command<'attest'>): Promise<Uint8Array> {
  const { vault, identity } = context
  const subject = vault.keys.find(slot)
  // What YubiKeys answer.
  if (subject === undefined) throw new StatusError(SW.NOT_FOUND)
  refuseUnless(subject.origin === 'generated', SW.WRONG_DATA)
  await vault.keys.prove(slot)
  const { key, certificate } = await issuer(context)
  return attestationOf(subject, key, certificate, identity())
}

interface Issuer {
  readonly key: AttestationKey
  readonly certificate: Uint8Array
}

/** Of a card that has its attestation key from the beginning: made now at the latest. */
export async function attestsFromTheBeginning(context: CardContext): Promise<void> {
  const { vault, identity } = context
  const isThere = vault.attestation.key() !== undefined || vault.objects.get(ATTESTATION_CERTIFICATE) !== undefined
  if (FIRST_STATE[modelOf(identity())].attests && !isThere) await issuer(context)
}

/** The attestation key with its certificate, made at the first use. */
async function issuer({ vault, identity }: CardContext): Promise<Issuer> {
  const { attestation, objects } = vault
  const certify = async (key: AttestationKey) => {
    const content = writeCertificate(await ownCertificate(key, identity()))
    return { tag: ATTESTATION_CERTIFICATE, content }
  }
  if (attestation.key() === undefined) await attestation.begin('P-256', certify)
  const key = attestation.key()
  if (key === undefined) throw new StatusError(SW.REFERENCE_NOT_FOUND)
  const written = objects.get(ATTESTATION_CERTIFICATE)
  if (written === undefined && key.origin === 'generated') {
    const { tag, content } = await certify(key)
    await objects.put(tag, content)
    return { key, certificate: readCertificate(content) }
  }
  // A certificate put there from outside counts if it is for this key. An imported key has no other certificate.
  const certificate = written && ifWellFormed(() => readCertificate(written))
  if (certificate === undefined || !isOf(certificate, key)) throw new StatusError(SW.CONDITIONS_OF_USE)
  return { key, certificate }
}

/** The old certificate stays: the caller has to replace or delete it. */
export async function generateAttestation(
  { vault, security }: CardContext,
  { algorithm }: Command<'generateAttestation'>,
): Promise<Uint8Array> {
  refuseUnless(security.admin, SW.SECURITY_STATUS)
  try {
    const { spki } = await vault.attestation.generate(algorithm)
    return writePublicKey(fromSpki(spki))
  } catch (error) {
    throw unknownMechanism(error)
  }
}

export const importAttestation = (context: CardContext, command: Command<'importAttestation'>): Promise<void> =>
  importing(context, command, () => context.vault.attestation.import(command.algorithm, command.parts))

/** The next attestation makes a new key and a new certificate. */
export async function deleteAttestation({ vault, security }: CardContext): Promise<void> {
  refuseUnless(security.admin, SW.SECURITY_STATUS)
  await vault.attestation.delete()
}
