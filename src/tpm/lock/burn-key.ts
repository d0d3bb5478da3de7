// K, the key that writes the indices of a new card and approves its policies. It lives in the TPM's NULL hierarchy, so that it ends
// with the next reset of the TPM, whatever anybody has kept: docs/lock.md, "Burned".
import { randomBytes } from 'node:crypto'
import { concat, copyOf, wipe } from '../../bytes.ts'
import { TpmError } from '../../errors.ts'
import { isInNullHierarchy } from '../codec/attestation.ts'
import type { Entity } from '../codec/nv.ts'
import { keyTemplate, objectName } from '../codec/public.ts'
import { EMPTY, EMPTY_SIZED, sized, u16, u32 } from '../codec/wire.ts'
import { bySession, command, encrypting, NO_PASSWORD } from '../command.ts'
import type { Session } from '../commands.ts'
import { CC, OBJECT, RH } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { keyCommand, signDigest } from '../keys/operations.ts'
import { checkSrk, type Srk, STORAGE_TEMPLATE } from '../srk.ts'
import type { Creation } from '../store/card-file.ts'

const ATTRIBUTES =
  OBJECT.fixedTPM | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth | OBJECT.noDA | OBJECT.sign

/** The authValue of K. As long as K lives, only this keeps others from using it: the blob of K crosses the wire. */
const newAuth = (): Uint8Array => copyOf(randomBytes(32))

export class BurnKey {
  /** TPM2B_PUBLIC. */
  readonly public: Uint8Array
  readonly creation: Creation
  readonly entity: Entity
  readonly #device: TpmDevice
  readonly #salt: Srk | undefined
  readonly #auth: Uint8Array
  #session: Session | undefined
  #burned = false

  private constructor(device: TpmDevice, salt: Srk | undefined, made: MadeKey, auth: Uint8Array) {
    this.#device = device
    this.#salt = salt
    this.#auth = auth
    this.public = made.public
    this.creation = made.creation
    this.entity = made.entity
  }

  /** Makes K by the random numbers of the TPM: a primary object could be made again from its template until the next reset. */
  static async make(device: TpmDevice, salt: Srk | undefined): Promise<BurnKey> {
    const auth = newAuth()
    try {
      return new BurnKey(device, salt, await makeKey(device, salt, auth), auth)
    } catch (error) {
      wipe(auth)
      throw error
    }
  }

  /** r || s over a SHA-256 digest. */
  async sign(digest: Uint8Array): Promise<Uint8Array> {
    if (this.#burned) throw new TypeError('The key was burned.')
    this.#session ??= await this.#device.startSession('hmac', this.#salt)
    const operation = signDigest('P-256', digest)
    const [answer = EMPTY] = await this.#device.run(
      keyCommand(operation, this.entity, bySession(this.#session.handle, this.#auth)),
    )
    return operation.read(answer, operation.octets)
  }

  /** Gives up the room of its session; the next signature starts another. */
  async rest(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    if (session !== undefined) await this.#device.flush(session.handle)
  }

  /** Forgets its authValue, without which nobody can use it, and removes it from the TPM. */
  async burn(): Promise<void> {
    if (this.#burned) return
    this.#burned = true
    wipe(this.#auth)
    await this.rest().finally(() => this.#device.flush(this.entity.handle))
  }
}

interface MadeKey {
  readonly public: Uint8Array
  readonly creation: Creation
  readonly entity: Entity
}

async function makeKey(device: TpmDevice, salt: Srk | undefined, auth: Uint8Array): Promise<MadeKey> {
  const parent = await makeParent(device)
  try {
    return await device.withSession('hmac', salt, async (session) => {
      // TPM2B_SENSITIVE_CREATE in pieces, so that the only copy is the one that is wiped.
      const sensitive = [u16(2 + auth.length + 2), u16(auth.length), auth, EMPTY_SIZED]
      const template = sized(keyTemplate('P-256', ATTRIBUTES, EMPTY))
      // Its HMAC covers the Name of the parent and the answer: the parent is in this TPM, and the key is what it made.
      const parameters = [...sensitive, template, EMPTY_SIZED, u32(0)]
      const create = command(CC.Create, [parent], [encrypting(session.handle)], ...parameters)
      const made = await device.keys.makingRoom(() => device.call(create)).finally(() => wipe(create.params))
      const [privateArea, publicArea] = [sized(made.sized()), sized(made.sized())]
      const creation = { data: sized(made.sized()), hash: made.sized(), ticket: made.rest() }
      if (!isInNullHierarchy(creation.data.subarray(2))) throw elsewhere()
      const load = command(CC.Load, [parent], [NO_PASSWORD], privateArea, publicArea)
      const loaded = await device.keys.makingRoom(() => device.call(load))
      const entity = { handle: loaded.u32(), name: objectName(publicArea.subarray(2)) }
      return { public: publicArea, creation, entity }
    })
  } finally {
    await device.flush(parent.handle).catch(() => undefined)
  }
}

async function makeParent(device: TpmDevice): Promise<Entity> {
  const parameters = [sized(concat(EMPTY_SIZED, EMPTY_SIZED)), sized(STORAGE_TEMPLATE), EMPTY_SIZED, u32(0)]
  const create = command(CC.CreatePrimary, [RH.NULL], [NO_PASSWORD], ...parameters)
  const made = await device.keys.makingRoom(() => device.call(create))
  const handle = made.u32()
  const area = made.sized()
  checkSrk(area)
  return { handle, name: objectName(area) }
}

function elsewhere(): TpmError {
  return new TpmError(
    'ERR_TPM_TAMPERED',
    'The TPM made a key of the new card in another place than it was told. Somebody may sit between this program and the TPM. Nothing of the card was kept. Try again.',
  )
}
