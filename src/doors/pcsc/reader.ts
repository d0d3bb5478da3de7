// One reader and the programs that are connected to its card: who may use it now, and what each has missed. Pure: it
// reaches neither the card nor a socket. The rules are those of pcscd (pcsc-lite, src/winscard.c, src/readerfactory.c).
import { type Code, PROTOCOL, RV, SHARE, STATE } from './codes.ts'
import { negotiate } from './protocol.ts'
import type { ReaderRow } from './reader-table.ts'

/** What happened to the card since a program last connected. */
type Missed = 'nothing' | 'reset' | 'removed'
const MISSED: Readonly<Record<Missed, Code>> = { nothing: RV.success, reset: RV.resetCard, removed: RV.removedCard }

interface Connection {
  missed: Missed
}

export interface Wish {
  readonly shareMode: number
  readonly protocols: number
}

const NO_CARD = new Uint8Array(0)

export class Reader {
  readonly name: string
  #atr: Uint8Array | undefined
  #events = 0
  #protocol: number = PROTOCOL.undefined
  readonly #connections = new Map<number, Connection>()
  /** The connection that has the card alone. */
  #exclusive: number | undefined
  /** The connection with a transaction, and how often it has begun one. */
  #owner: number | undefined
  #depth = 0
  #waiting: (() => void)[] = []

  constructor(name: string, atr: Uint8Array) {
    this.name = name
    this.#atr = atr
  }

  get row(): ReaderRow {
    return {
      name: this.name,
      events: this.#events,
      state: this.hasCard ? STATE.present | STATE.powered | STATE.negotiable : STATE.absent,
      sharing: this.#exclusive === undefined ? this.#connections.size : -1,
      atr: this.#atr ?? NO_CARD,
      protocol: this.#protocol,
    }
  }

  get hasCard(): boolean {
    return this.#atr !== undefined
  }

  get atr(): Uint8Array {
    return this.#atr ?? NO_CARD
  }

  get protocol(): number {
    return this.#protocol
  }

  get isUsed(): boolean {
    return this.#connections.size > 0
  }

  /** Whether a transaction of another connection is in the way. */
  isHeldFrom(card: number): boolean {
    return this.#owner !== undefined && this.#owner !== card
  }

  knows(card: number): boolean {
    return this.#connections.has(card)
  }

  owns(card: number): boolean {
    return this.#owner === card
  }

  /** Runs `work` as soon as no transaction is in the way, in the order of asking. Returns a function that gives it up. */
  whenFree(work: () => void): () => void {
    this.#waiting.push(work)
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== work)
    }
  }

  /** Why nobody can connect like this, whatever transactions there are. */
  refusal({ shareMode }: Wish): Code | undefined {
    if (this.#exclusive !== undefined) return RV.sharingViolation
    return shareMode === SHARE.direct || this.hasCard ? undefined : RV.noSmartcard
  }

  /** Connects, where no transaction is in the way. */
  connect(card: number, wish: Wish): Code {
    const refused = this.refusal(wish) ?? this.#choose(wish)
    if (refused !== RV.success) return refused
    if (wish.shareMode === SHARE.exclusive) {
      if (this.isUsed) return RV.sharingViolation
      this.#take(card)
    }
    this.#connections.set(card, { missed: 'nothing' })
    return RV.success
  }

  /** What was missed is forgotten. `reset`: the card was reset for it. */
  reconnect(card: number, wish: Wish, reset: boolean): Code {
    if (this.isHeldFrom(card)) return RV.sharingViolation
    if (!this.hasCard) return RV.noSmartcard
    if (reset) this.wasReset()
    const chosen = this.#choose(wish)
    if (chosen !== RV.success) return chosen
    if (wish.shareMode === SHARE.exclusive && this.#exclusive !== card) {
      if (this.#connections.size > 1) return RV.sharingViolation
      this.#take(card)
    }
    const connection = this.#connections.get(card)
    if (connection !== undefined) connection.missed = 'nothing'
    if (wish.shareMode !== SHARE.exclusive && this.#exclusive === card) {
      this.#exclusive = undefined
      this.#release()
    }
    return RV.success
  }

  disconnect(card: number): void {
    this.#connections.delete(card)
    if (this.#exclusive === card) this.#exclusive = undefined
    if (this.owns(card)) this.#release()
  }

  /** Begins a transaction, where no other is in the way. */
  begin(card: number): Code {
    const missed = this.missed(card)
    if (missed !== RV.success) return missed
    this.#owner = card
    this.#depth += 1
    return RV.success
  }

  /** Ends the transaction that this connection began last. */
  end(card: number): Code {
    if (this.isHeldFrom(card)) return RV.sharingViolation
    const least = this.#exclusive === card ? 1 : 0
    if (this.#depth <= least) return RV.notTransacted
    this.#depth -= 1
    if (this.#depth === 0) this.#release()
    return RV.success
  }

  /** What every use of the card asks first: whether somebody else has it, and whether it is still the same. */
  check(card: number): Code {
    return this.isHeldFrom(card) ? RV.sharingViolation : this.missed(card)
  }

  missed(card: number): Code {
    return MISSED[this.#connections.get(card)?.missed ?? 'removed']
  }

  /** The card was reset: every connection is told at its next use. */
  wasReset(): void {
    this.#tell('reset')
    this.#protocol = PROTOCOL.undefined
  }

  takeOut(): void {
    if (!this.hasCard) return
    this.#atr = undefined
    this.#events += 1
    this.#protocol = PROTOCOL.undefined
    this.#tell('removed')
    this.#exclusive = undefined
    this.#release()
  }

  putIn(atr: Uint8Array): void {
    this.#atr = atr
    this.#events += 1
  }

  /** Agrees on a protocol with the card, where none is agreed on. */
  #choose({ shareMode, protocols }: Wish): Code {
    if ((protocols & PROTOCOL.raw) !== 0) this.#protocol = PROTOCOL.raw
    else if (shareMode !== SHARE.direct) {
      const wanted = (protocols & PROTOCOL.any) === 0 ? protocols : PROTOCOL.t0 | PROTOCOL.t1
      if (this.#protocol === PROTOCOL.undefined) this.#protocol = negotiate(this.atr, wanted)
      if ((wanted & this.#protocol) === 0) return RV.protoMismatch
    }
    return RV.success
  }

  #take(card: number): void {
    this.#exclusive = card
    this.#owner = card
    this.#depth = 1
  }

  #release(): void {
    this.#owner = undefined
    this.#depth = 0
    while (this.#owner === undefined) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      next()
    }
  }

  #tell(missed: Missed): void {
    for (const connection of this.#connections.values()) {
      if (connection.missed !== 'removed') connection.missed = missed
    }
  }
}
