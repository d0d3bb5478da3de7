// A vault in memory, which exists in the test tree alone: a second implementation of src/piv/card/vault.ts, so that
// the contract suite says of the card application what it says of any card, and not what a TPM happens to do.
import { type KeyObject, randomBytes } from 'node:crypto'
import { fromHex, utf8 } from '../../src/bytes.ts'
import type { LocalVault } from '../../src/cards/local-card.ts'
import { CardError } from '../../src/errors.ts'
import { ADMIN_ALGORITHMS, type Algorithm } from '../../src/piv/algorithms.ts'
import type { DefaultSecret } from '../../src/piv/card/context.ts'
import type {
  AdminVault,
  AttestationKey,
  AttestationVault,
  KeptObject,
  KeyOptions,
  KeyOrigin,
  KeyVault,
  ObjectStore,
  VaultKey,
} from '../../src/piv/card/vault.ts'
import { DEFAULT_ADMIN_KEY, DEFAULT_PIN, DEFAULT_PUK, isDefaultAdminKey } from '../../src/piv/pin.ts'
import type { PrivateKeyParts } from '../../src/piv/private-key.ts'
import type { PinPolicy, Slot } from '../../src/piv/slots.ts'
import { agree, ecdsa, newKey, rawRsa, readKey, spkiOf } from './memory-keys.ts'
import { MemoryPins, type PinState } from './memory-pins.ts'

type HeldKey = VaultKey & { readonly privateKey: KeyObject }

interface HeldAttestation {
  readonly privateKey: KeyObject
  readonly algorithm: Algorithm
  readonly origin: KeyOrigin
}

/** What a card in memory keeps while it is closed. */
export interface MemoryCard extends PinState {
  cardId: Uint8Array
  readonly name: string
  created: string
  readonly keys: Map<Slot, HeldKey>
  readonly objects: Map<string, Uint8Array>
  adminKey: { readonly algorithm: number; readonly key: Uint8Array } | undefined
  attestationKey: HeldAttestation | undefined
}

export interface NewMemoryCard {
  readonly name: string
  readonly pin: Uint8Array
  readonly puk: Uint8Array | undefined
  readonly pinTries: number
  readonly pukTries: number
  readonly adminKey: { readonly algorithm: number; readonly key: Uint8Array } | undefined
  readonly unlockSeconds: number
  readonly mustChangePin: boolean
  readonly defaults?: readonly DefaultSecret[]
}

export function newMemoryCard({ pin, puk, pinTries, pukTries, defaults, ...facts }: NewMemoryCard): MemoryCard {
  const counter = (secret: Uint8Array, limit: number) => ({ secret: secret.slice(), limit, left: limit })
  return {
    ...facts,
    cardId: Uint8Array.from(randomBytes(16)),
    created: new Date().toISOString(),
    pin: counter(pin, pinTries),
    puk: puk && counter(puk, pukTries),
    defaults: new Set(defaults),
    keys: new Map(),
    objects: new Map(),
    attestationKey: undefined,
  }
}

class MemoryKeys implements KeyVault {
  async prove(): Promise<void> {}

  readonly #keys: Map<Slot, HeldKey>
  readonly #pins: MemoryPins

  constructor(keys: Map<Slot, HeldKey>, pins: MemoryPins) {
    this.#keys = keys
    this.#pins = pins
  }

  find(slot: Slot): VaultKey | undefined {
    return this.#keys.get(slot)
  }

  async generate(slot: Slot, { algorithm, pinPolicy }: KeyOptions): Promise<VaultKey> {
    const privateKey = await newKey(algorithm)
    return this.#hold({ slot, algorithm, pinPolicy, origin: 'generated', spki: spkiOf(privateKey), privateKey })
  }

  async import(slot: Slot, algorithm: Algorithm, parts: PrivateKeyParts, pinPolicy: PinPolicy): Promise<VaultKey> {
    const privateKey = readKey(algorithm, parts)
    return this.#hold({ slot, algorithm, pinPolicy, origin: 'imported', spki: spkiOf(privateKey), privateKey })
  }

  async delete(slot: Slot): Promise<void> {
    this.#key(slot)
    this.#keys.delete(slot)
  }

  async move(from: Slot, to: Slot): Promise<void> {
    const key = this.#key(from)
    this.#keys.delete(from)
    this.#hold({ ...key, slot: to })
  }

  async signDigest(slot: Slot, digest: Uint8Array): Promise<Uint8Array> {
    return this.#use(slot, (key) => ecdsa(key.privateKey, key.algorithm, digest))
  }

  async rawRsa(slot: Slot, block: Uint8Array): Promise<Uint8Array> {
    return this.#use(slot, (key) => rawRsa(key.privateKey, key.algorithm, block))
  }

  async agree(slot: Slot, point: Uint8Array): Promise<Uint8Array> {
    return this.#use(slot, (key) => agree(key.privateKey, key.algorithm, point))
  }

  #hold(key: HeldKey): VaultKey {
    this.#keys.set(key.slot, key)
    return key
  }

  #key(slot: Slot): HeldKey {
    const key = this.#keys.get(slot)
    if (key !== undefined) return key
    throw new CardError('ERR_KEY_ABSENT', `There is no key in slot ${slot}.`)
  }

  #use(slot: Slot, work: (key: HeldKey) => Uint8Array): Uint8Array {
    const key = this.#key(slot)
    this.#pins.use(key.pinPolicy)
    return work(key)
  }
}

class MemoryAttestation implements AttestationVault {
  readonly #card: MemoryCard

  constructor(card: MemoryCard) {
    this.#card = card
  }

  key(): AttestationKey | undefined {
    return this.#card.attestationKey && usable(this.#card.attestationKey)
  }

  async generate(algorithm: Algorithm): Promise<AttestationKey> {
    this.#card.attestationKey = { privateKey: await newKey(algorithm), algorithm, origin: 'generated' }
    return usable(this.#card.attestationKey)
  }

  async import(algorithm: Algorithm, parts: PrivateKeyParts): Promise<AttestationKey> {
    this.#card.attestationKey = { privateKey: readKey(algorithm, parts), algorithm, origin: 'imported' }
    return usable(this.#card.attestationKey)
  }

  async delete(): Promise<void> {
    if (this.#card.attestationKey === undefined) throw new CardError('ERR_KEY_ABSENT', 'There is no attestation key.')
    this.#card.attestationKey = undefined
  }

  async begin(algorithm: Algorithm, certify: (key: AttestationKey) => Promise<KeptObject>): Promise<void> {
    const key = { privateKey: await newKey(algorithm), algorithm, origin: 'generated' as const }
    const { tag, content } = await certify(usable(key))
    this.#card.attestationKey = key
    this.#card.objects.set(tag, content)
  }
}

const usable = ({ privateKey, algorithm, origin }: HeldAttestation): AttestationKey => ({
  ...{ algorithm, origin, spki: spkiOf(privateKey) },
  signDigest: async (digest) => ecdsa(privateKey, algorithm, digest),
  rawRsa: async (block) => rawRsa(privateKey, algorithm, block),
})

/** The card as on its first day, but for its name, its tries and its unlock time; without a PUK where it had none. */
function renew(card: MemoryCard): void {
  const { name, pin, puk, unlockSeconds } = card
  const fresh = newMemoryCard({
    ...{ name, unlockSeconds, mustChangePin: true, pinTries: pin.limit, pukTries: puk?.limit ?? 0 },
    pin: utf8(DEFAULT_PIN),
    puk: puk && utf8(DEFAULT_PUK),
    adminKey: { algorithm: ADMIN_ALGORITHMS['AES-192'].id, key: fromHex(DEFAULT_ADMIN_KEY) ?? new Uint8Array(0) },
    defaults: puk === undefined ? ['pin', 'adminKey'] : ['pin', 'puk', 'adminKey'],
  })
  card.keys.clear()
  card.objects.clear()
  Object.assign(card, { ...fresh, keys: card.keys, objects: card.objects })
}

/** One opening of a card in memory: what was verified is forgotten with it. */
export function openMemoryVault(card: MemoryCard): LocalVault {
  const pins = new MemoryPins(card, () => [...card.keys.values()].some(({ pinPolicy }) => pinPolicy === 'always'))
  const objects: ObjectStore = {
    tags: () => [...card.objects.keys()],
    get: (tag) => card.objects.get(tag),
    // Not a copy: what is handed to a vault is the vault's.
    put: async (tag, content) => void card.objects.set(tag, content),
    delete: async (tag) => void card.objects.delete(tag),
  }
  const admin: AdminVault = {
    key: async () => card.adminKey && { algorithm: card.adminKey.algorithm, key: card.adminKey.key.slice() },
    replace: async (algorithm, key) => {
      card.adminKey = { algorithm, key: key.slice() }
      if (isDefaultAdminKey(key)) card.defaults.add('adminKey')
      else card.defaults.delete('adminKey')
    },
    remove: async () => {
      card.adminKey = undefined
      card.defaults.delete('adminKey')
    },
  }
  return {
    get card() {
      const { cardId, name, created, mustChangePin, defaults } = card
      return {
        cardId,
        name,
        created,
        assurance: 'software',
        flags: { mustChangePin, defaults: [...defaults] },
      } as const
    },
    pins,
    keys: new MemoryKeys(card.keys, pins),
    objects,
    admin,
    attestation: new MemoryAttestation(card),
    reset: async () => {
      await pins.lock()
      renew(card)
    },
    close: async () => pins.lock(),
  }
}
