/** The evidence that a card gives about its keys, verified as a CA would. docs/evidence.md. */
import { randomBytes } from 'node:crypto'
import { TPM_MAKER_ROOTS, verifyAttestation } from '../attest/index.ts'
import type { CardChannel } from '../channel.ts'
import type { Outcome } from './result.ts'

const SLOT = '9a'

/** Verified down to the lowest tier: what the chain of the TPM proves more is in the facts. */
export async function evidenceOf({ local }: CardChannel): Promise<Outcome> {
  if (local === undefined) return { verdict: 'skipped', says: 'Only a card in a TPM of this machine gives it.' }
  const nonce = Uint8Array.from(randomBytes(16))
  const evidence = await local.attest(SLOT, { format: 'tessera', nonce })
  const { accepted, refusal, device, pin, proofs, notProved } = verifyAttestation(evidence, {
    roots: TPM_MAKER_ROOTS,
    nonce,
    tier: 'self',
  })
  if (!accepted) return { verdict: 'fail', says: refusal?.message ?? 'It was refused.' }
  const facts = {
    ...(device?.tier !== undefined && { tier: device.tier }),
    ...(pin?.limit !== undefined && { 'wrong PINs until it is blocked': pin.limit }),
    proved: proofs.map(({ claim }) => claim).join(', '),
    'not proved': notProved.join(', '),
  }
  return {
    verdict: 'pass',
    says: 'The evidence is accepted: the key is in the TPM, behind a PIN that the TPM counts.',
    facts,
  }
}
