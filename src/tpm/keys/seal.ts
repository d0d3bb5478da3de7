// The admin key (PIV 9B), sealed to the TPM: a local secret of the card application, not of the lock. It guards key and
// certificate management for clients that come through PC/SC, and can never lead to a private-key operation.
import { concat, copyOf, wipe } from '../../bytes.ts'
import { objectName } from '../codec/public.ts'
import { EMPTY, EMPTY_SIZED, sized, u16, u32 } from '../codec/wire.ts'
import { bySession, command, decrypting, encrypting, keptTicket, NO_PASSWORD } from '../command.ts'
import type { KeptTicket, Session } from '../commands.ts'
import { ALG, CC, OBJECT } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import type { Srk } from '../srk.ts'

export interface SealedBlob {
  /** TPM2B_PUBLIC. */
  readonly public: Uint8Array
  /** TPM2B_PRIVATE. */
  readonly private: Uint8Array
}

const BOUND = OBJECT.fixedTPM | OBJECT.fixedParent | OBJECT.noDA
/** TPMT_PUBLIC of a sealed object: TPM_ALG_KEYEDHASH without a scheme. Part 1, 27.8. */
const template = (attributes: number, policy: Uint8Array): Uint8Array =>
  concat(u16(ALG.KEYEDHASH), u16(ALG.SHA256), u32(attributes), sized(policy), u16(ALG.NULL), EMPTY_SIZED)
/** Anyone with the card file and the TPM can unseal it, without a secret. */
const OPEN = template(BOUND | OBJECT.userWithAuth, EMPTY)
/** Only who fulfils `policy` can unseal it. */
const guarded = (policy: Uint8Array): Uint8Array => template(BOUND | OBJECT.adminWithPolicy, policy)

/** Seals `data`, which is sent to the TPM encrypted; under a policy where one is given. */
export async function seal(device: TpmDevice, srk: Srk, data: Uint8Array, policy?: Uint8Array): Promise<SealedBlob> {
  const area = policy === undefined ? OPEN : guarded(policy)
  // TPM2B_SENSITIVE_CREATE in pieces, so that the only copy is the one that is wiped.
  const sensitive = [u16(2 + 2 + data.length), EMPTY_SIZED, u16(data.length), data]
  return device.withSession('hmac', srk, async (session) => {
    const auths = [NO_PASSWORD, encrypting(session.handle)]
    const create = command(CC.Create, [srk], auths, ...sensitive, sized(area), EMPTY_SIZED, u32(0))
    try {
      const answer = await device.keys.makingRoom(() => device.call(create))
      return { private: sized(answer.sized()), public: sized(answer.sized()) }
    } finally {
      wipe(create.params)
    }
  })
}

/** The sealed data, sent by the TPM encrypted. A copy for the caller to wipe. */
export async function unseal(device: TpmDevice, srk: Srk, blob: SealedBlob): Promise<Uint8Array> {
  const loaded = await device.keys.makingRoom(() =>
    device.call(command(CC.Load, [srk], [NO_PASSWORD], blob.private, blob.public)),
  )
  const object = { handle: loaded.u32(), name: objectName(blob.public.subarray(2)) }
  try {
    return await device.withSession('hmac', srk, async (session) => {
      const [answer] = await device.run(command(CC.Unseal, [object], [NO_PASSWORD, decrypting(session.handle)]))
      return dataOf(answer)
    })
  } finally {
    await device.flush(object.handle).catch(() => undefined)
  }
}

/** As `unseal`, for data under a policy that the ticket fulfils; `session` is a policy session, which stays. */
export async function unsealByTicket(
  device: TpmDevice,
  srk: Srk,
  blob: SealedBlob,
  session: Session,
  ticket: KeptTicket,
): Promise<Uint8Array> {
  const object = await device.keys.get(blob, srk)
  try {
    return await device.withSession('hmac', srk, async (hmac) => {
      const use = command(CC.Unseal, [object], [bySession(session.handle), decrypting(hmac.handle)])
      const answers = await device.run(keptTicket(session.handle, ticket.id), use)
      return dataOf(answers[1])
    })
  } finally {
    await device.keys.evict(blob)
  }
}

/** A copy of the data; the answer is wiped. */
function dataOf(answer: Uint8Array | undefined): Uint8Array {
  const data = copyOf((answer ?? EMPTY_SIZED).subarray(2)) // all there is: one TPM2B
  wipe(answer)
  return data
}
