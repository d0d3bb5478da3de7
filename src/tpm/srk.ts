// The storage root key: every session is salted to it and every key is stored under it, so it is checked first.
import { isUint8Array } from 'node:util/types'
import { concat, equal } from '../bytes.ts'
import { CardError, TpmError } from '../errors.ts'
import type { Entity } from './codec/nv.ts'
import { objectName } from './codec/public.ts'
import { EMPTY_SIZED, sized, u16, u32, WireReader } from './codec/wire.ts'
import { bySession, command, encrypting, NO_PASSWORD } from './command.ts'
import type { TpmCommands } from './commands.ts'
import { ALG, CC, CURVE, OBJECT, RH, SRK_HANDLE } from './constants.ts'
import { responseOf } from './failure.ts'
import { ownerRefusal } from './owner.ts'

export interface Srk extends Entity {
  /** TPMT_PUBLIC. */
  readonly area: Uint8Array
}

/** The Name to insist on; `new` pins any fit key that is there; `make` makes one where there is none. */
export type SrkPin = Uint8Array | 'new' | { readonly make: { readonly ownerPassword: Uint8Array } }

const WANTED = OBJECT.fixedTPM | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.restricted | OBJECT.decrypt

/** TCG's P-256 storage key: TPM v2.0 Provisioning Guidance, 7.5.1; unique is two times 32 zeros. */
export const STORAGE_TEMPLATE = concat(
  u16(ALG.ECC),
  u16(ALG.SHA256),
  u32(WANTED | OBJECT.userWithAuth | OBJECT.noDA),
  EMPTY_SIZED,
  u16(ALG.AES),
  u16(128),
  u16(ALG.CFB),
  u16(ALG.NULL),
  u16(CURVE.P256),
  u16(ALG.NULL),
  sized(new Uint8Array(32)),
  sized(new Uint8Array(32)),
)

/**
 * The SRK at 0x81000001, checked.
 * @throws TpmError ERR_TPM_SRK when it is absent or unfit; CardError ERR_CARD_OTHER_TPM when its Name is not `pin`
 */
export async function openSrk(device: TpmCommands, pin: SrkPin, known: Srk | undefined): Promise<Srk> {
  const srk = known ?? (await readSrk(device)) ?? (await makeSrk(device, pin).catch(refused))
  if (!isUint8Array(pin) || equal(pin, srk.name)) return srk
  throw new CardError(
    'ERR_CARD_OTHER_TPM',
    'This card was made by another TPM, or this TPM was cleared since: its storage key is another one. The keys of the card cannot be used here any more. If the card moved, put it back on its machine; if the TPM was cleared, revoke its certificates and create a new card.',
  )
}

function refused(error: unknown): never {
  throw ownerRefusal(error)
}

async function readSrk(device: TpmCommands): Promise<Srk | undefined> {
  let answer: WireReader
  try {
    answer = await device.call(command(CC.ReadPublic, [SRK_HANDLE], []))
  } catch (error) {
    if (responseOf(error) === 'HANDLE') return undefined
    throw error
  }
  const area = answer.sized()
  checkSrk(area)
  return { handle: SRK_HANDLE, name: objectName(area), area }
}

/** Refuses a storage key whose private half may be known outside the TPM. @throws TpmError ERR_TPM_SRK */
export function checkSrk(area: Uint8Array): void {
  const reader = new WireReader(area)
  const type = reader.u16()
  const nameAlg = reader.u16()
  const attributes = reader.u32()
  const fit = (attributes & WANTED) === WANTED && (attributes & OBJECT.sign) === 0
  if (fit && nameAlg === ALG.SHA256 && (type === ALG.ECC || type === ALG.RSA)) return
  throw new TpmError(
    'ERR_TPM_SRK',
    'The storage key at 0x81000001 is not one that was made in this TPM and never leaves it. Nothing secret was sent to it. Find out who put it there; its owner can remove it: tpm2_evictcontrol -c 0x81000001.',
  )
}

async function makeSrk(device: TpmCommands, pin: SrkPin): Promise<Srk> {
  if (isUint8Array(pin)) {
    throw new CardError(
      'ERR_CARD_OTHER_TPM',
      'This TPM has no storage key: it was cleared since this card was made, or it is another TPM. The keys of the card cannot be used here any more. Revoke its certificates and create a new card.',
    )
  }
  if (pin === 'new') {
    throw new TpmError('ERR_TPM_SRK', 'The TPM has no storage key at 0x81000001. Creating a card makes one.')
  }
  const { ownerPassword } = pin.make
  const creation = [sized(concat(EMPTY_SIZED, EMPTY_SIZED)), sized(STORAGE_TEMPLATE), EMPTY_SIZED, u32(0)] as const
  if (ownerPassword.length === 0) {
    await persist(device, await device.call(command(CC.CreatePrimary, [RH.OWNER], [NO_PASSWORD], ...creation)), [
      NO_PASSWORD,
    ])
  } else {
    // There is no SRK to salt to yet. The session is salted to a storage key made in the null hierarchy, so that the owner
    // password is not sent in clear. An attacker on the bus at this moment could impersonate it (docs/lock.md).
    const made = await device.call(command(CC.CreatePrimary, [RH.NULL], [NO_PASSWORD], ...creation))
    const handle = made.u32()
    const area = made.sized()
    checkSrk(area)
    try {
      await device.withSession('hmac', { handle, area }, async (session) => {
        const owner = bySession(session.handle, ownerPassword)
        const primary = await device.call(
          command(
            CC.CreatePrimary,
            [RH.OWNER],
            [{ ...owner, attributes: encrypting(session.handle).attributes }],
            ...creation,
          ),
        )
        await persist(device, primary, [owner])
      })
    } finally {
      await device.flush(handle)
    }
  }
  const srk = await readSrk(device)
  if (srk === undefined) throw new TpmError('ERR_TPM_SRK', 'The TPM made a storage key and does not show it.')
  return srk
}

async function persist(device: TpmCommands, primary: WireReader, auths: Parameters<typeof command>[2]): Promise<void> {
  const handle = primary.u32()
  const area = primary.sized()
  try {
    const object = { handle, name: objectName(area) }
    await device.run(command(CC.EvictControl, [RH.OWNER, object], auths, u32(SRK_HANDLE)))
  } catch (error) {
    // Another program made one a moment ago: it is read and checked like any other.
    if (responseOf(error) !== 'NV_DEFINED') throw error
  } finally {
    await device.flush(handle)
  }
}
