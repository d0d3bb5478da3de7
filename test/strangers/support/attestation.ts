// A key in a software TPM, certified by an attestation key with a certificate; and programs of others that verify it.
import { createHash, type KeyObject } from 'node:crypto'
import { collectEvidence } from '../../../src/attest/collect.ts'
import type { Evidence } from '../../../src/attest/evidence.ts'
import { webauthnAttestation } from '../../../src/attest/webauthn.ts'
import { utf8 } from '../../../src/bytes.ts'
import { DER } from '../../../src/iso7816/der.ts'
import { tlv } from '../../../src/iso7816/tlv.ts'
import { LOCK } from '../../../src/tpm/lock/table.ts'
import { extension } from '../../../src/x509/extensions.ts'
import { Attacker } from '../../attacks/support/attacker.ts'
import { startBench } from '../../attacks/support/bench.ts'
import { issueCard, slot } from '../../attacks/support/owner.ts'
import { AK_PURPOSE, type Authority, authority, issue, tpmNames } from '../../attest/support/authorities.ts'
import { attestorOf } from '../../attest/support/tpm-attestor.ts'

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
    const owner = await issueCard(bench, LOCK, { keys: { '9a': 'once' } })
    await owner.vault.close()
    const attestor = await attestorOf(new Attacker(bench.witness), owner)
    await attestor.makeCertifiable(kind)
    const ca = await authority('attestation CA', undefined, LONG)
    const { publicKey } = attestor
    const extensions = [NO_CA, AK_PURPOSE, tpmNames()]
    attestor.certificates = [await issue(ca, publicKey, { extensions, ...LONG }), ca.certificate]
    const nonce = Uint8Array.from(createHash('sha256').update('nonce').digest())
    const evidence = await collectEvidence(attestor, { slot: slot('9a'), pinPolicy: 'once' }, nonce)
    const challenge = Buffer.from('a challenge of the service').toString('base64url')
    const clientData = utf8(JSON.stringify({ type: 'webauthn.create', challenge, origin: `https://${DOMAIN}` }))
    const clientDataHash = Uint8Array.from(createHash('sha256').update(clientData).digest())
    const object = await webauthnAttestation(attestor, slot('9a'), { clientDataHash, rpId: DOMAIN })
    return { ca, evidence, nonce, akPublicKey: publicKey, object, challenge, clientData }
  } finally {
    await bench.stop()
  }
}
