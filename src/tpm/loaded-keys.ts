// Keys that are loaded now, least recently used first. A bare TPM has three slots for objects, and the SRK takes one
// while a command uses it: so at most two keys, and fewer where another program occupies a slot (docs/architecture.md,
// "Who owns what").
import { CardError, TpmError } from '../errors.ts'
import type { Entity } from './codec/nv.ts'
import { objectName } from './codec/public.ts'
import { u32 } from './codec/wire.ts'
import { command, NO_PASSWORD } from './command.ts'
import type { TpmCommands } from './commands.ts'
import { CAP, CC } from './constants.ts'
import { responseOf } from './failure.ts'
import type { Srk } from './srk.ts'

/** A key as the card file has it. */
export interface KeyBlob {
  /** TPM2B_PUBLIC. */
  readonly public: Uint8Array
  /** TPM2B_PRIVATE. */
  readonly private: Uint8Array
}

const CAPACITY = 2
const TRANSIENT_FIRST = 0x80000000

/** The error for a refused TPM2_Load: ERR_KEY_DAMAGED where it is about the key. */
export function notLoaded(error: unknown): unknown {
  if (!(error instanceof TpmError)) return error
  const response = responseOf(error)
  // Both parameters of TPM2_Load are the key. INSUFFICIENT means a truncated command, which says nothing about the key.
  // `sapi`: the libraries cannot even parse it.
  const parameter = error.position?.startsWith('parameter') === true && response !== 'INSUFFICIENT'
  const aboutKey = parameter || response === 'SENSITIVE'
  return aboutKey || error.layer === 'sapi' ? damagedKey(error) : error
}

export function damagedKey(cause: unknown): CardError {
  return new CardError(
    'ERR_KEY_DAMAGED',
    'The key is damaged in the card file, or was put there from another card. Put back a copy of the file; without one this key is lost: make another (tessera key generate SLOT).',
    { cause },
  )
}

export class LoadedKeys {
  readonly #device: TpmCommands
  /** By the object that represents the key in its card; a Map keeps the order of insertion. */
  readonly #loaded = new Map<KeyBlob, Entity>()

  constructor(device: TpmCommands) {
    this.#device = device
  }

  /** The key, if it is loaded; it then becomes the most recently used. */
  known(blob: KeyBlob): Entity | undefined {
    const known = this.#loaded.get(blob)
    if (known === undefined || this.#loaded.size === 1) return known
    this.#loaded.delete(blob)
    this.#loaded.set(blob, known)
    return known
  }

  /** The key, loaded. @throws TpmError ERR_TPM_MEMORY when others occupy the TPM's slots; CardError ERR_KEY_DAMAGED */
  async get(blob: KeyBlob, srk: Srk): Promise<Entity> {
    const known = this.known(blob)
    if (known !== undefined) return known
    while (this.#loaded.size >= CAPACITY) await this.#evictOne()
    const answer = await this.makingRoom(() =>
      this.#device.call(command(CC.Load, [srk], [NO_PASSWORD], blob.private, blob.public)),
    ).catch((error: unknown) => {
      throw notLoaded(error)
    })
    const key = { handle: answer.u32(), name: objectName(blob.public.subarray(2)) }
    // No TPM gives out a handle twice: the old entry was lost in an unnoticed reset, and all others with it.
    if ([...this.#loaded.values()].some(({ handle }) => handle === key.handle)) this.forget()
    this.#loaded.set(blob, key)
    return key
  }

  /** Two keys that are loaded at once. @throws as `get`, also where there is room for only one of them */
  async both(first: KeyBlob, second: KeyBlob, srk: Srk): Promise<readonly [Entity, Entity]> {
    const pair = [await this.get(first, srk), await this.get(second, srk)] as const
    if (this.#loaded.get(first) === pair[0]) return pair
    await this.evictAll()
    throw await this.#full(undefined)
  }

  /** Runs `work`; while the TPM has no room, evicts our keys one by one and tries again. */
  async makingRoom<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (responseOf(error) !== 'OBJECT_MEMORY') throw error
        if (!(await this.#evictOne())) throw await this.#full(error)
      }
    }
  }

  /** Flushes a key that will not be used again, if it is loaded. */
  async evict(blob: KeyBlob): Promise<void> {
    const key = this.#loaded.get(blob)
    if (key === undefined) return
    this.#loaded.delete(blob)
    await this.#device.flush(key.handle)
  }

  /** Flushes all; some of them may be gone already. */
  async evictAll(): Promise<void> {
    while (await this.#evictOne());
  }

  /** The TPM has lost them, or is closed. */
  forget(): void {
    this.#loaded.clear()
  }

  async #evictOne(): Promise<boolean> {
    for (const blob of this.#loaded.keys()) {
      await this.evict(blob)
      return true
    }
    return false
  }

  async #full(cause: unknown): Promise<TpmError> {
    const params = [u32(CAP.HANDLES), u32(TRANSIENT_FIRST), u32(16)]
    const answer = await this.#device.call(command(CC.GetCapability, [], [], ...params))
    answer.take(5)
    const handles = Array.from({ length: answer.u32() }, () => `0x${answer.u32().toString(16)}`)
    // If no other program can be there, the slots are ours and their handles were lost: the next connection flushes them.
    await this.#device.close()
    return new TpmError(
      'ERR_TPM_MEMORY',
      `The TPM has no free slot for a key: other programs hold ${handles.join(', ') || 'them'}. Close them, use the resource manager (device:/dev/tpmrm0), or flush what is left over: tpm2_flushcontext -t.`,
      { cause },
    )
  }
}
