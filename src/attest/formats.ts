// Evidence about a key in the formats that programs ask for.
import { utf8 } from '../bytes.ts'
import type { EvidenceOptions } from '../channel.ts'
import { CardError, UsageError } from '../errors.ts'
import type { PinPolicy, Slot } from '../piv/slots.ts'
import type { CardAttestor } from '../tpm/attest/index.ts'
import { collectEvidence } from './collect.ts'
import { writeEvidence } from './evidence.ts'
import { webauthnAttestation } from './webauthn.ts'

/** Octets of a nonce: a TPM takes no more in every statement. */
export const NONCE_OCTETS = [8, 32] as const

/** @throws CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED; UsageError ERR_USAGE */
export async function attestKey(
  attestor: CardAttestor | undefined,
  key: { readonly pinPolicy: PinPolicy } | undefined,
  slot: Slot,
  { format, nonce, rpId }: EvidenceOptions,
): Promise<Uint8Array> {
  const [least, most] = NONCE_OCTETS
  if (nonce.length < least || nonce.length > most)
    throw new UsageError('ERR_USAGE', `A nonce has ${least} to ${most} octets, and this one has ${nonce.length}.`)
  if (attestor === undefined)
    throw new CardError(
      'ERR_NOT_SUPPORTED',
      'Only a card in the TPM of this machine has this evidence. Open it by its name.',
    )
  if (key === undefined)
    throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`)
  if (format === 'tessera')
    return utf8(writeEvidence(await collectEvidence(attestor, { slot, pinPolicy: key.pinPolicy }, nonce)))
  if (rpId === undefined)
    throw new UsageError('ERR_USAGE', 'Evidence for WebAuthn is for one service: give its domain (--rp-id, rpId).')
  return webauthnAttestation(attestor, slot, { clientDataHash: nonce, rpId })
}
