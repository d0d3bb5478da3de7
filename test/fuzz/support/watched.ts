// A card in memory that keeps a record: what changed, which key was used, whether an `always` key may be used now.

import type { LocalVault } from '../../../src/cards/local-card.ts'
import { TpmError } from '../../../src/errors.ts'
import type { Algorithm } from '../../../src/piv/algorithms.ts'
import { type PrivateKeyParts, partsOf } from '../../../src/piv/private-key.ts'
import type { PinPolicy, Slot } from '../../../src/piv/slots.ts'
import { newKey } from '../../contract/memory-keys.ts'
import { type MemoryCard, newMemoryCard, openMemoryVault } from '../../contract/memory-vault.ts'

export const PIN = '483920'
export const PUK = 'open ?me'
export const TRIES = { pin: 3, puk: 2 } as const
/** AES-192. */
export const ADMIN = { algorithm: 0x0a, key: Uint8Array.from({ length: 24 }, (_, index) => index) } as const
export const KEYS: ReadonlyArray<readonly [slot: string, algorithm: Algorithm, pinPolicy: PinPolicy]> = [
  ['9a', 'P-256', 'once'],
  ['9c', 'P-256', 'always'],
  ['9d', 'RSA-2048', 'once'],
  ['9e', 'P-256', 'never'],
  ['83', 'RSA-2048', 'always'],
  ['84', 'P-384', 'once'],
]

/** Making them takes time: what is generated in a fuzzed card is one of these. RSA-3072 it does not have. */
const made = new Map<Algorithm, PrivateKeyParts>()
for (const algorithm of ['P-256', 'P-384', 'RSA-2048'] as const) {
  const found = partsOf(await newKey(algorithm))
  if (found !== undefined) made.set(algorithm, found.parts)
}
const NO_KEY: PrivateKeyParts = { scalar: new Uint8Array(0) }

const template = newMemoryCard({
  name: 'fuzzed',
  pin: Buffer.from(PIN),
  puk: Buffer.from(PUK),
  pinTries: TRIES.pin,
  pukTries: TRIES.puk,
  adminKey: ADMIN,
  unlockSeconds: 3600,
  mustChangePin: false,
})
const { keys } = openMemoryVault(template)
for (const [slot, algorithm, pinPolicy] of KEYS) {
  await keys.import(slot as Slot, algorithm, made.get(algorithm) ?? NO_KEY, pinPolicy)
}

/** `real`, but for `changes`. */
export function but<T extends object>(real: T, changes: Partial<T>): T {
  const get = (_: T, name: PropertyKey): unknown => {
    if (name in changes) return Reflect.get(changes, name)
    const value: unknown = Reflect.get(real, name)
    return typeof value === 'function' ? value.bind(real) : value
  }
  return new Proxy(real, { get })
}

export class WatchedCard {
  readonly card: MemoryCard = {
    ...template,
    pin: { ...template.pin },
    puk: template.puk && { ...template.puk },
    keys: new Map(template.keys),
    objects: new Map(),
    defaults: new Set(template.defaults),
  }
  readonly vault: LocalVault
  /** Since it was looked at last: `generate 9a`, `put 5fc105`, `use 9c`, `move 9a 82`. */
  record: string[] = []
  /** An `always` key may be used. */
  armed = false
  /** The next call fails as it does when the TPM is gone. */
  failing = false

  constructor() {
    const vault = openMemoryVault(this.card)
    const { keys, pins, objects, admin, attestation } = vault
    const done = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      this.#mayFail()
      const result = await work()
      this.record.push(what)
      return result
    }
    const use = async <T>(slot: Slot, work: () => Promise<T>): Promise<T> => {
      if (this.card.keys.get(slot)?.pinPolicy === 'always') this.armed = false
      return done(`use ${slot}`, work)
    }
    const proving = async (work: () => Promise<void>, arms: boolean): Promise<void> => {
      this.#mayFail()
      this.armed = false
      await work()
      this.armed = arms
    }
    const forgetting = async (work: () => Promise<void> | undefined): Promise<void> => {
      this.armed = false
      await work()
    }
    this.vault = but(vault, {
      keys: but(keys, {
        generate: (slot, { algorithm, pinPolicy }) =>
          done(`generate ${slot}`, () => keys.import(slot, algorithm, made.get(algorithm) ?? NO_KEY, pinPolicy)),
        import: (slot, algorithm, parts, pinPolicy) =>
          done(`import ${slot}`, () => keys.import(slot, algorithm, parts, pinPolicy)),
        move: (from, to) => done(`move ${from} ${to}`, () => keys.move(from, to)),
        delete: (slot) => done(`remove ${slot}`, () => keys.delete(slot)),
        signDigest: (slot, digest) => use(slot, () => keys.signDigest(slot, digest)),
        rawRsa: (slot, block) => use(slot, () => keys.rawRsa(slot, block)),
        agree: (slot, point) => use(slot, () => keys.agree(slot, point)),
      }),
      pins: but(pins, {
        verifyPin: (pin) => proving(() => pins.verifyPin(pin), true),
        changePin: (pin, newPin) => proving(() => pins.changePin(pin, newPin), true),
        changePuk: (puk, newPuk) => proving(() => pins.changePuk(puk, newPuk), false),
        unblockPin: (puk, newPin) => proving(() => pins.unblockPin(puk, newPin), false),
        disarm: () => forgetting(() => pins.disarm()),
        lock: () => forgetting(() => pins.lock()),
      }),
      objects: but(objects, {
        put: (tag, content) => done(`put ${tag}`, () => objects.put(tag, content)),
        delete: (tag) => done(`delete ${tag}`, () => objects.delete(tag)),
      }),
      attestation: but(attestation, {
        generate: (algorithm) =>
          done('generate f9', async () => {
            const key = await attestation.import(algorithm, made.get(algorithm) ?? NO_KEY)
            const { attestationKey } = this.card
            this.card.attestationKey = attestationKey && { ...attestationKey, origin: 'generated' }
            return key
          }),
        import: (algorithm, parts) => done('import f9', () => attestation.import(algorithm, parts)),
        delete: () => done('remove f9', () => attestation.delete()),
        begin: (algorithm, certify) => done('begin', () => attestation.begin(algorithm, certify)),
      }),
      reset: () => {
        this.armed = false
        return done('reset', () => vault.reset())
      },
      admin: but(admin, {
        key: async () => {
          this.#mayFail()
          return admin.key()
        },
        replace: (algorithm, key) =>
          done(`admin ${Buffer.from(key).toString('hex')}`, () => admin.replace(algorithm, key)),
      }),
    })
  }

  #mayFail(): void {
    const { failing } = this
    this.failing = false
    if (failing) throw new TpmError('ERR_TPM_GONE', 'The TPM is gone.')
  }
}
