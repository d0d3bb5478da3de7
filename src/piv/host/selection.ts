// Whether the PIV application is the selected one. Between two transactions other programs can reach a card in a reader
// and select another; the card itself may have been reset or exchanged.
import type { CardChannel } from '../../channel.ts'
import { CardError, PcscError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { selectsPiv } from '../application.ts'
import { readDiscovery } from '../contents.ts'
import type { Exchange } from './exchange.ts'
import type { Extras } from './extras.ts'
import { compare, type Identity, identityOf } from './identity.ts'
import { readObject } from './objects.ts'
import { selectPiv, tellsOfPin } from './pins.ts'
import { ifReadable } from './readable.ts'
import type { Recognition } from './recognition.ts'
import type { CardSecrets } from './secrets.ts'

/** How another application answers a command of PIV. */
const NOT_PIV: readonly (number | undefined)[] = [SW.UNKNOWN_INS, SW.UNKNOWN_CLA]

/** For a card that shows no object without a PIN: its answer to a query of the PIN status. */
const PIN_STATUS = 'PIN status'

/** Objects that PIV shows without a PIN. */
const FREE = [
  'discovery',
  'chuid',
  'ccc',
  'key-history',
  ...['9a', '9c', '9d', '9e'].map((slot) => `certificate-${slot}`),
]

/**
 * An object that the card shows and only PIV has; its content need not be understood. undefined where it shows none, or
 * answers that another application is selected.
 */
export async function witnessOfPiv(exchange: Exchange, secrets?: CardSecrets): Promise<string | undefined> {
  for (const name of FREE) if (await gives(exchange, name, secrets)) return name
  return secrets !== undefined && (await gives(exchange, PIN_STATUS, secrets)) ? PIN_STATUS : undefined
}

async function gives(exchange: Exchange, name: string, secrets: CardSecrets | undefined): Promise<boolean> {
  if (name === PIN_STATUS) return secrets !== undefined && (await tellsOfPin(exchange, secrets))
  const content = await ifReadable(() => readObject(exchange, name))
  if (name !== 'discovery') return content !== undefined
  secrets?.discovered(content)
  const application = content && readDiscovery(content).identifier
  return content !== undefined && (application === undefined || selectsPiv(application))
}

export class Selection {
  readonly #channel: CardChannel
  readonly #extras: Extras
  readonly #secrets: CardSecrets
  readonly #recognition: Recognition
  /** The channel's `generation` in which PIV was selected. */
  #since: number | undefined
  /** The object by which PIV is recognised; `none` where there is none. */
  #witness: string | 'none' = 'discovery'
  #identity: Identity | undefined
  #isAdminProved = false
  /** The generation that a reset by this program began: the card is the same. */
  #ownReset: number | undefined

  constructor(channel: CardChannel, extras: Extras, secrets: CardSecrets, recognition: Recognition) {
    this.#channel = channel
    this.#extras = extras
    this.#secrets = secrets
    this.#recognition = recognition
  }

  /**
   * Runs `work` with PIV selected. `unchecked`: nothing is sent to the card before `work`, since it might use up the one
   * use of a key that VERIFY allows. Only if another application answers is PIV selected, and `work` run again.
   * `secret`: `work` sends a PIN or PUK, which no other application and no other card may get.
   */
  async with<T>(exchange: Exchange, work: () => Promise<T>, how: 'checked' | 'unchecked' | 'secret'): Promise<T> {
    if (this.#since !== (this.#channel.generation ?? 0)) await this.#begin(exchange)
    else if (how !== 'unchecked') await this.#check(exchange, how === 'secret')
    else {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof CardError && NOT_PIV.includes(error.sw))) throw error
      }
      await this.#select(exchange)
    }
    if (how !== 'secret') return work()
    await this.#recognition.check(exchange, this.guid)
    const result = await work()
    await this.#recognition.proved(this.guid)
    return result
  }

  /** The GUID of a card in a reader, in hex, where it has one. */
  get guid(): string | undefined {
    return this.#identity?.get('guid')
  }

  /** PIV is selected, and no program can select anything else: a card in this process has one application. */
  get isLasting(): boolean {
    return !this.#shared && this.#since !== undefined
  }

  /** The card forgets, by a reset of ours. A card in this process has only one application: nothing to select again. */
  wasReset(): void {
    if (!this.#shared) return
    this.#since = undefined
    this.#ownReset = this.#channel.generation
  }

  /** The admin key was proved, in the application that is selected now. */
  adminWasProved(): void {
    this.#isAdminProved = true
  }

  /** This program changed the card, and perhaps the data by which it is recognised. */
  async wasChanged(exchange: Exchange): Promise<void> {
    if (this.#identity === undefined || this.#identity.has('guid')) return
    this.#identity = await identityOf(exchange, this.#extras)
  }

  /** The card is new, or has forgotten everything. */
  async #begin(exchange: Exchange): Promise<void> {
    const generation = this.#channel.generation ?? 0
    await this.#select(exchange)
    if (this.#shared && (this.#identity === undefined || this.#ownReset !== generation)) await this.#identify(exchange)
    this.#witness = await this.#firstWitness(exchange)
    this.#since = generation
  }

  /** With PIV selected. A card with a CHUID shows at least one object; for any other it is determined now what PIV shows. */
  async #firstWitness(exchange: Exchange): Promise<string | 'none'> {
    if (!this.#shared || this.#identity?.has('guid') === true) return 'discovery'
    return (await witnessOfPiv(exchange, this.#secrets)) ?? 'none'
  }

  async #select(exchange: Exchange): Promise<void> {
    this.#secrets.selected(await selectPiv(exchange))
    this.#isAdminProved = false
  }

  get #shared(): boolean {
    return this.#channel.generation !== undefined
  }

  async #check(exchange: Exchange, secret: boolean): Promise<void> {
    if (!this.#shared) return
    const known = this.#witness
    // Another application may answer a query of the PIN status just so: that is not enough to send it a PIN. Where the
    // admin key was proved since SELECT, another SELECT would undo that.
    const isEnough = known !== 'none' && !(secret && known === PIN_STATUS && !this.#isAdminProved)
    if (isEnough && (await gives(exchange, known, this.#secrets))) return
    // Without the PIN status: VERIFY, though it contains no PIN, must not go to another application.
    const other = known === 'discovery' ? await witnessOfPiv(exchange) : undefined
    if (other !== undefined) {
      this.#witness = other
      return
    }
    await this.#select(exchange)
    if (known !== 'none') this.#witness = (await witnessOfPiv(exchange, this.#secrets)) ?? 'none'
  }

  async #identify(exchange: Exchange): Promise<void> {
    const now = await identityOf(exchange, this.#extras)
    const likeness = this.#identity === undefined ? 'same' : compare(this.#identity, now)
    if (likeness !== 'same') throw exchanged(likeness, this.#channel.reader)
    this.#identity = now
  }
}

/** A PIN that was meant for the previous card must not be sent to this one. */
const exchanged = (likeness: 'another' | 'unknown', reader: string | undefined) =>
  new PcscError(
    'ERR_CARD_REMOVED',
    likeness === 'another'
      ? 'Another card is in the reader. Open it anew.'
      : 'The card was reset or taken out, and shows nothing by which to tell whether it is the same. Open it anew.',
    { reader },
  )
