// takes: 6 s
// Evidence about real cards, in a software TPM that nobody told what evidence is: the verifier's view of its structures, and the
// attacks of docs/lock.md as a CA sees them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { collectEvidence } from '../../src/attest/collect.ts'
import { writeEvidence } from '../../src/attest/evidence.ts'
import { verifyAttestation } from '../../src/attest/verify.ts'
import type { PinPolicy } from '../../src/piv/slots.ts'
import { LOCK, withoutSeal } from '../../src/tpm/lock/table.ts'
import { Attacker, OWN } from '../attacks/support/attacker.ts'
import { type BackendName, startBench } from '../attacks/support/bench.ts'
import { type CardOwner, issueCard, slot } from '../attacks/support/owner.ts'
import { OBJECT } from '../support/templates.ts'
import { AT, type Authority, akCertificate, authority } from './support/authorities.ts'
import { NONCE } from './support/software-tpm.ts'
import { type AttestorOptions, attestorOf, type TestAttestor } from './support/tpm-attestor.ts'

interface Scene {
  readonly owner: CardOwner
  readonly attacker: Attacker
  readonly attestor: TestAttestor
  readonly ca: Authority
  verdict(policy?: PinPolicy, where?: string): Promise<ReturnType<typeof verifyAttestation>>
}

async function scene(
  backend: BackendName,
  work: (scene: Scene) => Promise<void>,
  { table = LOCK, ...options }: AttestorOptions & { readonly table?: typeof LOCK } = {},
): Promise<void> {
  const bench = await startBench(backend)
  try {
    const keys = { '9a': 'once', '9c': 'always', '9e': 'never' } as const
    const owner = await issueCard(bench, table, { keys, pinTries: 7 })
    await owner.vault.close()
    const attacker = new Attacker(bench.witness)
    const attestor = await attestorOf(attacker, owner, options)
    const ca = await authority('attestation CA')
    const { publicKey } = attestor
    attestor.certificates = [await akCertificate(ca, { publicKey } as Parameters<typeof akCertificate>[1])]
    const verdict = async (pinPolicy: PinPolicy = 'once', where = '9a') => {
      const evidence = await collectEvidence(attestor, { slot: slot(where), pinPolicy }, NONCE)
      return verifyAttestation(writeEvidence(evidence), { roots: [ca.certificate], nonce: NONCE, at: AT })
    }
    await work({ owner, attacker, attestor, ca, verdict })
  } finally {
    await bench.stop()
  }
}

for (const backend of ['embedded', 'swtpm'] as const) {
  test(`${backend}: each PIN policy, the limit, and a wrong PIN that the TPM counted`, () =>
    scene(backend, async ({ owner, attacker, verdict }) => {
      for (const [where, policy] of [
        ['9a', 'once'],
        ['9c', 'always'],
      ] as const) {
        const found = await verdict(policy, where)
        assert.is(found.refusal, undefined)
        assert.equal(found.pin, { policy, limit: 7, wrong: 0, burned: 'claimed', resets: undefined })
        assert.is(found.device?.tier, 'local')
      }
      assert.is((await verdict('never', '9e')).pin?.policy, 'never')
      const session = await attacker.policySession()
      await attacker.secret(session, owner.file.pin.handle, OWN, 'use').catch(() => undefined)
      await attacker.witness.flush(session)
      assert.is((await verdict()).pin?.wrong, 1)
    }))
}

test('a key whose creation is certified, as those of earlier versions', () =>
  scene(
    'swtpm',
    async ({ verdict }) => {
      const found = await verdict()
      assert.is(found.refusal, undefined)
      assert.is(found.pin?.policy, 'once')
    },
    { kind: 'creation' },
  ))

test('the PIN counter is deleted, and made again by an attacker: the evidence of before is gone', () =>
  scene('swtpm', async ({ owner, attacker, attestor, verdict }) => {
    assert.ok((await verdict()).accepted)
    const before = await attestor.certifyPin(NONCE)
    await attacker.recreate(owner.file.pin.handle, OWN)
    // The TPM certifies no index that was never written, so the attacker shows what the counter was.
    attestor.certifyPin = async (data) => ({ ...before, ...(await unwritten(attacker, owner, data)) })
    assert.is((await verdict()).refusal?.code, 'index-not-written')
  }))

const unwritten = async (attacker: Attacker, owner: CardOwner, _: Uint8Array) => ({
  public: (await attacker.witness.must('NV_ReadPublic', { handles: [owner.file.pin.handle] })).tpm2b(),
})

test('an attestation key that is not restricted', () =>
  scene('swtpm', async ({ verdict }) => assert.is((await verdict()).refusal?.code, 'ak-not-restricted'), {
    attributes: OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.sign | OBJECT.userWithAuth,
  }))

test('a card by another table is none that the verifier knows', () =>
  scene('swtpm', async ({ verdict }) => assert.is((await verdict()).refusal?.code, 'index-policy'), {
    table: withoutSeal(LOCK),
  }))

test.run()
