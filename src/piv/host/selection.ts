// Whether the PIV application is the one that answers. Other programs reach a card in a reader between two transactions,
// and may select something else; the card itself may have been reset, or exchanged.
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
import type { CardSecrets } from './secrets.ts'

/** What another application says to a command of PIV. */
const NOT_PIV: readonly (number | undefined)[] = [SW.UNKNOWN_INS, SW.UNKNOWN_CLA]

/** Of a card that gives no object to anybody: how it answers when it is asked whether the PIN is verified. */
const PIN_STATUS = 'PIN status'

/** Objects that PIV gives to everybody. */
const FREE = [
  'discovery',
  'chuid',
  'ccc',
  'key-history',
  ...['9a', '9c', '9d', '9e'].map((slot) => `certificate-${slot}`),
]

/**
 * An object that the card gives, which only PIV does: what stands in it need not be understood. undefined where it gives
 * none, or says that another application is selected.
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
  /** What `generation` of the channel PIV was selected in. */
  #since: number | undefined
  /** The object that tells that PIV is selected; `none` where none does. */
  #witness: string | 'none' = 'discovery'
  #identity: Identity | undefined
  /** The generation that a reset by this program began: the card is the same. */
  #ownReset: number | undefined

  constructor(channel: CardChannel, extras: Extras, secrets: CardSecrets) {
    this.#channel = channel
    this.#extras = extras
    this.#secrets = secrets
  }

  /**
   * Runs `work` with PIV selected. `unchecked`: nothing is asked of the card before `work`, which may end the one use
   * of a key that VERIFY allows; only if another application answers PIV is selected, and `work` run again.
   */
  async with<T>(exchange: Exchange, work: () => Promise<T>, unchecked: boolean): Promise<T> {
    if (this.#since !== (this.#channel.generation ?? 0)) await this.#begin(exchange)
    else if (!unchecked) await this.#check(exchange)
    else {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof CardError && NOT_PIV.includes(error.sw))) throw error
      }
      await this.#select(exchange)
    }
    return work()
  }

  /** PIV is selected, and nobody else can select something else: a card in this process has one application. */
  get isLasting(): boolean {
    return !this.#shared && this.#since !== undefined
  }

  /** The card forgets, by a reset of ours. In this process there is but one application, and nothing to select again. */
  wasReset(): void {
    if (!this.#shared) return
    this.#since = undefined
    this.#ownReset = this.#channel.generation
  }

  /** The card was changed by this program, and with it perhaps what it is known by. */
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

  /** With PIV selected. A card that shows a CHUID gives an object; of another one it is found out now what tells. */
  async #firstWitness(exchange: Exchange): Promise<string | 'none'> {
    if (!this.#shared || this.#identity?.has('guid') === true) return 'discovery'
    return (await witnessOfPiv(exchange, this.#secrets)) ?? 'none'
  }

  async #select(exchange: Exchange): Promise<void> {
    this.#secrets.selected(await selectPiv(exchange))
  }

  get #shared(): boolean {
    return this.#channel.generation !== undefined
  }

  async #check(exchange: Exchange): Promise<void> {
    if (!this.#shared) return
    const known = this.#witness
    if (known !== 'none' && (await gives(exchange, known, this.#secrets))) return
    // Without the PIN status: VERIFY, though it holds no PIN, is for no other application.
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

/** No PIN that was meant for the card of before goes to this one. */
const exchanged = (likeness: 'another' | 'unknown', reader: string | undefined) =>
  new PcscError(
    'ERR_CARD_REMOVED',
    likeness === 'another'
      ? 'Another card is in the reader. Open it anew.'
      : 'The card was reset or taken out, and shows nothing by which to tell whether it is the same. Open it anew.',
    { reader },
  )
