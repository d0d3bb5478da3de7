// The evidence that a TPM gives of one card.
import { CardError } from '../../errors.ts'
import type { Slot } from '../../piv/slots.ts'
import { decodeNvPublic, type Entity, encodeNvPublic } from '../codec/nv.ts'
import { command } from '../command.ts'
import { CC } from '../constants.ts'
import { isStale, responseOf } from '../failure.ts'
import { assertAsFiled } from '../keys/check.ts'
import { indexGone, type LockContext } from '../lock/context.ts'
import type { CardFile, CardFileKey } from '../store/card-file.ts'
import type { CardState } from '../vault/card-state.ts'
import { recover } from '../vault/use-key.ts'
import { createAk, withCertificates } from './attestation-key.ts'
import { activate } from './credential.ts'
import { endorsementKeys } from './endorsement.ts'
import type {
  AttestationKeyPublic,
  CardAttestor,
  CreationStatement,
  EndorsementKey,
  KeyStatement,
  PinStatement,
  Statement,
} from './index.ts'
import { certify, certifyCounter, certifyCreation, readStatement } from './statements.ts'

type KeptAk = NonNullable<CardFile['ak']>

export class TpmAttestor implements CardAttestor {
  readonly #state: CardState

  constructor(state: CardState) {
    this.#state = state
  }

  get lock(): 1 | 2 {
    return this.#state.card.seal === undefined ? 1 : 2
  }

  async ak(): Promise<AttestationKeyPublic> {
    const { key, certificates } = await this.#ak()
    return { public: key.public.subarray(2), certificates }
  }

  async certifyAk(qualifyingData: Uint8Array): Promise<CreationStatement> {
    const { key } = await this.#ak()
    return this.#work(async ({ device, srk }) => {
      const ak = await device.keys.get(key, srk)
      const answer = await device.call(certifyCreation(ak, ak, key.creation, qualifyingData))
      return { ...readStatement(answer), creationData: key.creation.data.subarray(2) }
    })
  }

  async keepCertificates(certificates: readonly Uint8Array[]): Promise<void> {
    await this.#ak()
    await this.#state.update((card) => (card.ak ? { ...card, ak: withCertificates(card.ak, certificates) } : card))
  }

  async certifyKey(slot: Slot, qualifyingData: Uint8Array): Promise<KeyStatement> {
    const key = this.#key(slot)
    const { creation } = key
    if (key.certifiable !== true && creation === undefined) throw notMadeHere(slot)
    const { key: akBlob } = await this.#ak()
    return this.#work(async ({ device, srk }) => {
      const [ak, loaded] = await device.keys.both(akBlob, key, srk)
      const area = key.public.subarray(2)
      if (key.certifiable === true || creation === undefined) {
        const answer = await device.call(certify(ak, loaded, qualifyingData))
        return { kind: 'certify', public: area, ...readStatement(answer) }
      }
      const answer = await device.call(certifyCreation(ak, loaded, creation, qualifyingData))
      return { kind: 'creation', public: area, ...readStatement(answer), creationData: creation.data.subarray(2) }
    })
  }

  async certifyPin(qualifyingData: Uint8Array): Promise<PinStatement> {
    const { key } = await this.#ak()
    const { burn } = this.#state.card
    return this.#work(async ({ device, srk, card }) => {
      const { handle, tries } = card.pin
      const { nv, name } = await device
        .run(command(CC.NV_ReadPublic, [handle], []))
        .then(([answer = new Uint8Array(0)]) => decodeNvPublic(answer))
        .catch(dead)
      const ak = await device.keys.get(key, srk)
      const counter = await device
        .call(certifyCounter(ak, { handle, name }, qualifyingData))
        .then(readStatement, hiddenByOwner)
      const known = { public: encodeNvPublic(nv), tries, burnKey: card.burnKey.subarray(2) }
      return { ...known, ...(counter && { counter }), ...(burn && { burn }) }
    })
  }

  endorsementKeys(): Promise<readonly EndorsementKey[]> {
    return this.#work(({ device }) => endorsementKeys(device))
  }

  async activate(endorsementKey: Uint8Array, credential: Uint8Array, secret: Uint8Array): Promise<Uint8Array> {
    const { key } = await this.#ak()
    return this.#work(async ({ device, srk }) => {
      await this.#state.unlock.releaseSessions() // room for one more on a TPM without a resource manager
      const ak = (): Promise<Entity> => device.keys.get(key, srk)
      return activate(device, endorsementKey, ak, credential, secret)
    })
  }

  /** The attestation key as the card file has it, made where there is none. */
  async #ak(): Promise<KeptAk> {
    const known = this.#state.card.ak
    if (known !== undefined) return known
    const key = await this.#work(async ({ device, srk }) => {
      await this.#state.unlock.releaseSessions()
      return createAk(device, srk)
    })
    await this.#state.update((card) => (card.ak === undefined ? { ...card, ak: { key, certificates: [] } } : card))
    return this.#state.card.ak ?? { key, certificates: [] }
  }

  #key(slot: Slot): CardFileKey {
    const { card, table } = this.#state
    const key = card.keys[slot]
    if (key === undefined)
      throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}. Make one: tessera key generate ${slot}.`)
    assertAsFiled(card, slot, key, table)
    return key
  }

  /** Once more where the TPM was reset and has lost what was loaded. */
  #work<T>(work: (context: LockContext) => Promise<T>): Promise<T> {
    return this.#state.exclusive(async () => {
      try {
        return await work(await this.#state.context())
      } catch (error) {
        if (!isStale(error)) throw error
        await recover(this.#state)
        return work(await this.#state.context())
      }
    })
  }
}

/** The owner's password hides the counter. */
function hiddenByOwner(error: unknown): Statement | undefined {
  const response = responseOf(error)
  if (response === 'BAD_AUTH' || response === 'AUTH_FAIL') return undefined
  throw error
}

function dead(cause: unknown): never {
  if (responseOf(cause) === 'HANDLE') throw new CardError('ERR_CARD_DEAD', indexGone('pin'), { cause })
  throw cause
}

function notMadeHere(slot: Slot): CardError {
  return new CardError(
    'ERR_NOT_SUPPORTED',
    `The key in slot ${slot} was imported, so the TPM cannot say that it was made there. Make a key in the TPM to have evidence: tessera key generate ${slot}.`,
  )
}
