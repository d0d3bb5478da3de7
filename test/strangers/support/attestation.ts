// A key in a software TPM, certified by an attestation key with a certificate; and programs of others that verify it.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { collectEvidence } from '../../../src/attest/collect.ts'
import type { Evidence } from '../../../src/attest/evidence.ts'
import { webauthnAttestation } from '../../../src/attest/webauthn.ts'
import { utf8 } from '../../../src/bytes.ts'
import { DER } from '../../../src/iso7816/der.ts'
import { tlv } from '../../../src/iso7816/tlv.ts'
import { spkiOf } from '../../../src/tpm/codec/public.ts'
import { LOCK } from '../../../src/tpm/lock/table.ts'
import { extension } from '../../../src/x509/extensions.ts'
import { startBench } from '../../attacks/support/bench.ts'
import { issueCard, slot } from '../../attacks/support/owner.ts'
import { AK_PURPOSE, type Authority, authority, issue, tpmNames } from '../../attest/support/authorities.ts'

export const DOMAIN = 'lab.example'
/** Until the end of the century: these programs look at the clock. */
const LONG = { days: 27_000 }

export interface Certified {
  readonly ca: Authority
  readonly evidence: Evidence
  readonly nonce: Uint8Array
  readonly akPublicKey: KeyObject
  /** The attestation object for WebAuthn, and what belongs to it. */
  readonly object: Uint8Array
  readonly challenge: string
  readonly clientData: Uint8Array
}

/** As the gem tpm-key_attestation wants it. */
const NO_CA = extension('basicConstraints', tlv(DER.sequence), true)

export async function certifiedKey(kind: 'ecc' | 'rsa' = 'ecc'): Promise<Certified> {
  const bench = await startBench('swtpm')
  try {
    const { vault } = await issueCard(bench, LOCK, { keys: {} })
    const algorithm = kind === 'ecc' ? 'P-256' : 'RSA-2048'
    await vault.keys.generate(slot('9a'), { algorithm, pinPolicy: 'once' })
    const { attestor } = vault
    const ca = await authority('attestation CA', undefined, LONG)
    const area = (await attestor.ak()).public
    const publicKey = createPublicKey({ key: Buffer.from(spkiOf(area, 'any')), format: 'der', type: 'spki' })
    const extensions = [NO_CA, AK_PURPOSE, tpmNames()]
    await attestor.keepCertificates([await issue(ca, publicKey, { extensions, ...LONG }), ca.certificate])
    const nonce = Uint8Array.from(createHash('sha256').update('nonce').digest())
    const evidence = await collectEvidence(attestor, { slot: slot('9a'), pinPolicy: 'once' }, nonce)
    const challenge = Buffer.from('a challenge of the service').toString('base64url')
    const clientData = utf8(JSON.stringify({ type: 'webauthn.create', challenge, origin: `https://${DOMAIN}` }))
    const clientDataHash = Uint8Array.from(createHash('sha256').update(clientData).digest())
    const object = await webauthnAttestation(attestor, slot('9a'), { clientDataHash, rpId: DOMAIN })
    await vault.close()
    return { ca, evidence, nonce, akPublicKey: publicKey, object, challenge, clientData }
  } finally {
    await bench.stop()
  }
}
