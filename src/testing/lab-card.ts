// One card of a lab: made as a test wants it, and treated as badly as a test wants it.
import { createCard, openCard, openChannel } from '../cards/index.ts'
import type { CardSource } from '../doors/pkcs11/token.ts'
import { enroll, selfSign } from '../enroll/index.ts'
import { CardError, hasCode, UsageError } from '../errors.ts'
import type { Algorithm } from '../piv/algorithms.ts'
import type { Card } from '../piv/host/card.ts'
import type { PinPolicy } from '../piv/slots.ts'
import { readerName, type ServedPcsc } from '../serve/serve-pcsc.ts'
import { type FaultyChannel, faulty } from './faulty-channel.ts'
import type { RunningAuthority } from './lab-authority.ts'

export type LabKey = Algorithm | { readonly algorithm: Algorithm; readonly pinPolicy?: PinPolicy }
/** By the CA of the lab, for logon to Windows and TLS; or by the key itself. */
export type LabCertificate = 'smartcard-logon' | 'self-signed'

export interface LabCardOptions {
  readonly name: string
  /** 6 to 8 digits: 24681357 unless given. */
  readonly pin?: string
  /** 8 characters: 86427531 unless given. */
  readonly puk?: string
  /** By slot: `{ '9a': 'P-256' }` unless given. */
  readonly keys?: Readonly<Record<string, LabKey>>
  /** For every key; none unless given. */
  readonly certificate?: LabCertificate
  /** How long a verified PIN unlocks the keys, in minutes: 15 unless given. */
  readonly unlockMinutes?: number
}

export interface LabCard {
  readonly name: string
  readonly pin: string
  readonly puk: string
  /** The name of its reader. */
  readonly reader: string
  /** Opens the card in this process, beside the doors. The test closes it; the lab does otherwise. */
  open(): Promise<Card>
  /** Takes the card out of its reader: programs are told. */
  remove(): void
  /** Puts it back. */
  insert(): void
  /** Uses up every try of the PIN. */
  block(): Promise<void>
  /**
   * The next command of a PC/SC program is not done, and answered by this status word: 6F00 unless given.
   * @throws UsageError ERR_USAGE
   */
  failNext(status?: number, times?: number): void
}

export interface LabPlace {
  readonly home: string
  readonly tcti: string
}

const [PIN, PUK] = ['24681357', '86427531']

/** @throws as `createCard`, `generateKey` and `enroll` */
export async function makeLabCard(place: LabPlace, options: LabCardOptions, ca: RunningAuthority | undefined) {
  const { name, pin = PIN, puk = PUK, keys = { '9a': 'P-256' as const }, certificate, unlockMinutes } = options
  if (certificate === 'smartcard-logon' && ca === undefined)
    throw new UsageError('ERR_USAGE', "A certificate for 'smartcard-logon' comes from the CA: { ca: true }.")
  const card = await createCard({ ...place, name, pin, puk, ...(unlockMinutes !== undefined && { unlockMinutes }) })
  try {
    await card.verifyPin(pin)
    for (const [slot, key] of Object.entries(keys)) {
      await card.generateKey(slot, typeof key === 'string' ? { algorithm: key } : key)
      if (certificate === 'self-signed') await selfSign(card, slot, { pin, subject: `CN=${name}` })
      if (certificate === 'smartcard-logon' && ca !== undefined)
        await enroll(card, { home: place.home, ca: ca.est, slot, key: 'existing', pin, upn: ca.facts.user.upn })
    }
  } finally {
    await card.close()
  }
  return new TpmLabCard(place, { name, pin, puk }, faulty(await openChannel({ ...place, name })))
}

export class TpmLabCard implements LabCard {
  readonly name: string
  readonly pin: string
  readonly puk: string
  readonly reader: string
  readonly #place: LabPlace
  readonly #faulty: FaultyChannel
  readonly #open = new Set<Card>()
  #pcsc: ServedPcsc | undefined
  #isThere = true

  constructor(place: LabPlace, facts: Pick<LabCard, 'name' | 'pin' | 'puk'>, channel: FaultyChannel) {
    this.name = facts.name
    this.pin = facts.pin
    this.puk = facts.puk
    this.reader = readerName(facts.name)
    this.#place = place
    this.#faulty = channel
  }

  /** As the PC/SC door has it. */
  get inReader() {
    return { reader: this.reader, channel: this.#faulty.channel }
  }

  /** As the PKCS #11 door has it. */
  get source(): CardSource {
    return { label: this.name, isRemovable: true, open: () => this.#openIfThere() }
  }

  servedBy(pcsc: ServedPcsc): void {
    this.#pcsc = pcsc
  }

  async open(): Promise<Card> {
    const card = await openCard({ ...this.#place, name: this.name })
    this.#open.add(card)
    return card
  }

  async #openIfThere(): Promise<Card> {
    if (!this.#isThere)
      throw new CardError('ERR_CARD_NOT_FOUND', `The card '${this.name}' was taken out of its reader.`)
    return openCard({ ...this.#place, name: this.name })
  }

  remove(): void {
    if (this.#isThere) this.#pcsc?.takeOut(this.reader)
    this.#isThere = false
  }

  insert(): void {
    if (!this.#isThere) this.#pcsc?.putIn(this.reader, this.#faulty.channel)
    this.#isThere = true
  }

  async block(): Promise<void> {
    const card = await openCard({ ...this.#place, name: this.name })
    const wrong = this.pin === '11223344' ? '44332211' : '11223344'
    try {
      for (;;) await card.verifyPin(wrong, { minTriesLeft: 0 }).catch(unlessWrong)
    } catch (error) {
      if (!hasCode(error, 'ERR_PIN_BLOCKED')) throw error
    } finally {
      await card.close()
    }
  }

  failNext(status = 0x6f00, times = 1): void {
    this.#faulty.failNext(status, times)
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#open].map((card) => card.close()))
    await this.#faulty.channel.close()
  }
}

function unlessWrong(error: unknown): void {
  if (!hasCode(error, 'ERR_PIN_WRONG')) throw error
}
