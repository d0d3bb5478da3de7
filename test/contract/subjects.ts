// Cards to run the contract on: the TPM card on two TPMs, a card in memory, that card as a reader shows it, the TPM card in
// a reader of a real PC/SC, and a PIV card of another maker.
import type { KeyObject } from 'node:crypto'
import { concat, utf8 } from '../../src/bytes.ts'
import { localChannel } from '../../src/cards/local-card.ts'
import type { CardChannel } from '../../src/channel.ts'
import type { AdminKey } from '../../src/index.ts'
import { ADMIN_ALGORITHMS } from '../../src/piv/algorithms.ts'
import type { DefaultSecret } from '../../src/piv/card/context.ts'
import { adminAlgorithmOf } from '../../src/piv/host/admin.ts'
import { type Card, cardOver } from '../../src/piv/host/card.ts'
import { destroyTpmCard } from '../../src/tpm/destroy.ts'
import { helpDeskKeyBlob } from '../../src/tpm/help-desk.ts'
import { createTpmCard, openTpmCard } from '../../src/tpm/open.ts'
import { type Bench, startBench } from '../library/bench.ts'
import { PlainCard } from '../support/plain-card/card.ts'
import { newMemoryCard, openMemoryVault } from './memory-vault.ts'
import { type Readers, startReaders, startSocketReaders } from './readers.ts'

/**
 * `reader`: the card in memory behind APDUs alone. `pcsc`: the card in a swtpm, served to vpcd and pcscd. `socket`: the
 * same, served on a socket of our own. `plain`: the card
 * in test/support/plain-card, which shares no card application with ours.
 */
export const SUBJECTS = ['embedded', 'swtpm', 'memory', 'reader', 'pcsc', 'socket', 'plain'] as const
export type SubjectName = (typeof SUBJECTS)[number]

export const PIN = '483920'
export const PUK = 'open ?me'
export const ADMIN_KEY = Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index)

/** Of a new card. What is not said: the PIN, PUK and admin key above, 5 tries each, no help desk. */
export interface NewCardOptions {
  readonly pin?: string
  readonly noPuk?: boolean
  readonly pinTries?: number
  readonly pukTries?: number
  readonly adminKey?: AdminKey | 'none'
  readonly helpDesk?: KeyObject
  readonly mustChangePin?: boolean
  readonly unlockSeconds?: number
  /** What the card is told of its secrets. */
  readonly defaults?: readonly DefaultSecret[]
}

export interface Opened {
  readonly card: Card
  /** What `card` speaks over. */
  readonly channel: CardChannel
}

export interface Subject {
  readonly name: SubjectName
  /** The TPM that the cards are in, where they are in one. */
  readonly bench: Bench | undefined
  /** A new card, opened. */
  fresh(options?: NewCardOptions): Promise<Opened>
  /** The card that `fresh` made last, opened again after it was closed: nothing is verified. */
  again(): Promise<Opened>
  /** Tags of data objects that nobody needs and who may change the card may write. PIV leaves none free: there it is retired certificates. */
  spare(number?: number): string
  /** Proves what changing the card wants: the PIN for its owner in this process, the admin key for everybody else. */
  manage(card: Card): Promise<void>
  /** Closes and removes the cards there are. */
  clear(): Promise<void>
  stop(): Promise<void>
}

/** What a place for cards does: makes one and answers how to open it and how to remove it. */
type Make = (
  number: number,
  options: NewCardOptions,
) => Promise<{ channel: CardChannel; open(): Promise<CardChannel>; remove(): Promise<void> }>

function secretsOf(options: NewCardOptions) {
  const { adminKey = ADMIN_KEY } = options
  const { key, algorithm } = adminAlgorithmOf(adminKey === 'none' ? ADMIN_KEY : adminKey)
  const { id } = ADMIN_ALGORITHMS[algorithm]
  return {
    pin: utf8(options.pin ?? PIN),
    puk: options.noPuk ? undefined : utf8(PUK),
    pinTries: options.pinTries ?? 5,
    pukTries: options.pukTries ?? 5,
    adminKey: adminKey === 'none' ? undefined : { algorithm: id, key },
    unlockSeconds: options.unlockSeconds ?? 900,
    mustChangePin: options.mustChangePin ?? false,
    defaults: options.defaults ?? [],
  }
}

function inTpm({ home, tcti }: Bench): Make {
  return async (number, options) => {
    const name = `card-${number}`
    const { adminKey, ...secrets } = secretsOf(options)
    const vault = await createTpmCard(
      { home, tcti },
      {
        ...{ ...secrets, name, ownerPassword: new Uint8Array(0) },
        adminKey: adminKey && concat(Uint8Array.of(adminKey.algorithm), adminKey.key),
        helpDeskKey: options.helpDesk && helpDeskKeyBlob(options.helpDesk),
      },
    )
    return {
      channel: localChannel(vault),
      open: async () => localChannel(await openTpmCard({ home, tcti }, name)),
      remove: () => destroyTpmCard({ home, tcti }, name, new Uint8Array(0)),
    }
  }
}

/** A card of `make`, and what stands in a reader of it. */
function inReaders(make: Make, readers: Readers): Make {
  return async (number, options) => {
    const card = await make(number, options)
    const place = await readers.put(card.channel)
    return {
      channel: await place.open(),
      async open() {
        await place.exchange(await card.open())
        return place.open()
      },
      async remove() {
        await place.takeOut()
        await card.remove()
      },
    }
  }
}

function inMemory(show: (channel: CardChannel) => CardChannel): Make {
  return async (number, options) => {
    const card = newMemoryCard({ ...secretsOf(options), name: `card-${number}` })
    const open = async () => show(localChannel(openMemoryVault(card)))
    return { channel: await open(), open, remove: async () => {} }
  }
}

const whole = (channel: CardChannel): CardChannel => channel

/** What is left of a channel where the card is not in this process. */
const remote = (channel: CardChannel): CardChannel => ({
  atr: channel.atr,
  transaction: (work, options) => channel.transaction((transmit) => work((apdu) => transmit(apdu)), options),
  reset: () => channel.reset(),
  close: () => channel.close(),
})

/** What only our own cards can be made with. */
const OURS = ['noPuk', 'helpDesk', 'mustChangePin', 'unlockSeconds', 'defaults'] as const

/** Cards of another maker. */
const plain: Make = async (_, { pin = PIN, pinTries = 5, pukTries = 5, adminKey = ADMIN_KEY, ...others }) => {
  const unknown = OURS.filter((option) => option in others)
  if (unknown.length > 0) throw new Error(`a plain card is not made with ${unknown.join(' and ')}`)
  if (adminKey === 'none') throw new Error('a plain card has an admin key')
  const card = new PlainCard('other', { pin, puk: PUK, tries: { pin: pinTries, puk: pukTries }, adminKey })
  return { channel: card, open: () => card.open(), remove: async () => {} }
}

/** Where the cards of a subject are. */
async function placesOf(name: SubjectName): Promise<{ make: Make; bench?: Bench; readers?: Readers }> {
  if (name === 'memory' || name === 'reader') return { make: inMemory(name === 'reader' ? remote : whole) }
  if (name === 'plain') return { make: plain }
  const bench = await startBench(name === 'embedded' ? 'embedded' : 'swtpm')
  if (name !== 'pcsc' && name !== 'socket') return { make: inTpm(bench), bench }
  const readers = await (name === 'pcsc' ? startReaders() : startSocketReaders())
  return { make: inReaders(inTpm(bench), readers), bench, readers }
}

export async function startSubject(name: SubjectName): Promise<Subject> {
  const { make, bench, readers } = await placesOf(name)
  const owned = name === 'embedded' || name === 'swtpm' || name === 'memory'
  const made: Awaited<ReturnType<Make>>[] = []
  const channels: CardChannel[] = []
  const opened = (channel: CardChannel): Opened => {
    channels.push(channel)
    return { card: cardOver(channel), channel }
  }
  let count = 0
  async function clear(): Promise<void> {
    for (const channel of channels.splice(0)) await channel.close()
    for (const card of made.splice(0)) await card.remove()
  }
  return {
    name,
    bench,
    async fresh(options = {}) {
      count += 1
      const card = await make(count, options)
      made.push(card)
      return opened(card.channel)
    },
    async again() {
      const last = made.at(-1)
      if (last === undefined) throw new Error('there is no card to open again')
      for (const channel of channels.splice(0)) await channel.close()
      return opened(await last.open())
    },
    spare: (number = 0) => ((name === 'plain' ? 0x5fc10d : 0x5f0001) + number).toString(16),
    manage: (card) => (owned ? card.verifyPin(PIN) : card.authenticateAdmin(ADMIN_KEY)),
    clear,
    async stop() {
      await clear()
      await readers?.stop()
      await bench?.stop()
    },
  }
}
