// What a TPM says of a real card, asked by the witness: a program with the card file and the TPM, and without any secret.
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { KeyStatement } from '../../../src/attest/evidence.ts'
import type { Statement } from '../../../src/attest/statements.ts'
import type { Slot } from '../../../src/piv/slots.ts'
import type { CardAttestor } from '../../../src/tpm/attest/index.ts'
import { spkiOf } from '../../../src/tpm/codec/public.ts'
import type { Attacker } from '../../attacks/support/attacker.ts'
import type { CardOwner } from '../../attacks/support/owner.ts'
import { ALG, create, OBJECT, RH } from '../../support/templates.ts'
import { EMPTY, type Reader, tpm2b, u16, u32 } from '../../support/wire.ts'
import { password } from '../../support/witness.ts'

const OWN = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin
const SCHEME = u16(ALG.null)

/** TPM2B_PUBLIC of an attestation key: ECDSA with SHA-256. */
const akTemplate = (attributes: number): Uint8Array =>
  tpm2b(
    ...[u16(ALG.ecc), u16(ALG.sha256), u32(attributes), EMPTY],
    ...[u16(ALG.null), u16(ALG.ecdsa), u16(ALG.sha256), u16(3), u16(ALG.null), EMPTY, EMPTY],
  )

export interface TestAttestor
  extends Pick<CardAttestor, 'lock' | 'ak' | 'endorsementKeys' | 'certifyKey' | 'certifyPin'> {
  readonly publicKey: KeyObject
  certificates: readonly Uint8Array[]
}

export interface AttestorOptions {
  /** Of the attestation key, as a weaker one would have them. */
  readonly attributes?: number
  /** How keys are certified. */
  readonly kind?: KeyStatement['kind']
}

const RESTRICTED = OWN | OBJECT.restricted | OBJECT.sign | OBJECT.userWithAuth | OBJECT.noDa

export async function attestorOf(
  { witness }: Attacker,
  owner: CardOwner,
  { attributes = RESTRICTED, kind = 'certify' }: AttestorOptions = {},
): Promise<TestAttestor> {
  const made = await witness.must('CreatePrimary', {
    handles: [RH.owner],
    params: create(akTemplate(attributes)),
    auths: [password()],
  })
  const [ak, area] = [made.u32(), made.tpm2b()]
  const load = async ({ private: secret, public: open }: Readonly<Record<'public' | 'private', Uint8Array>>) =>
    (await witness.must('Load', { handles: [0x81000001], params: [secret, open], auths: [password()] })).u32()
  const signed = (answer: Reader): Statement => ({ attest: answer.tpm2b(), signature: answer.rest() })

  const certify = async (slot: Slot, data: Uint8Array): Promise<KeyStatement> => {
    const key = owner.file.keys[slot]
    if (key === undefined) throw new Error(`no key in ${slot}`)
    const handle = await load(key)
    try {
      const open = key.public.subarray(2)
      if (kind === 'certify' || key.creation === undefined) {
        const params = [tpm2b(data), SCHEME]
        const answer = await witness.must('Certify', { handles: [handle, ak], params, auths: [password(), password()] })
        return { kind: 'certify', public: open, ...signed(answer) }
      }
      const params = [tpm2b(data), tpm2b(key.creation.hash), SCHEME, key.creation.ticket]
      const answer = await witness.must('CertifyCreation', { handles: [ak, handle], params, auths: [password()] })
      return { kind: 'creation', public: open, creationData: key.creation.data.subarray(2), ...signed(answer) }
    } finally {
      await witness.flush(handle)
    }
  }
  const attestor: TestAttestor = {
    lock: 2,
    certificates: [],
    publicKey: createPublicKey({ key: Buffer.from(spkiOf(area, 'any')), format: 'der', type: 'spki' }),
    async ak() {
      return { public: area, certificates: attestor.certificates }
    },
    async endorsementKeys() {
      return []
    },
    certifyKey: certify,
    async certifyPin(data) {
      const { pin, burnKey } = owner.file
      const open = (await witness.must('NV_ReadPublic', { handles: [pin.handle] })).tpm2b()
      const params = [tpm2b(data), SCHEME, u16(8), u16(0)]
      const handles = [ak, RH.owner, pin.handle]
      const answer = await witness.must('NV_Certify', { handles, params, auths: [password(), password()] })
      return { public: open, tries: pin.tries, counter: signed(answer), burnKey: burnKey.subarray(2) }
    },
  }
  return attestor
}
