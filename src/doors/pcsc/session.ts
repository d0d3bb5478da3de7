// What one program has of the service: its context, its connections to cards, whether it waits for a change.
import { RV } from './codes.ts'
import { encodeSignal } from './signal.ts'
import type { Slot } from './slot.ts'

/** `registered`: it has asked to be told, and has not read the table yet that it asks for next (from 4:6 on). */
export type Waiting = 'no' | 'registered' | 'yes'

export class Session {
  /** Minor version of the protocol that the program speaks. */
  minor = 4
  context: number | undefined
  /** The reader of each of its connections. */
  readonly cards = new Map<number, Slot>()
  #waiting: Waiting = 'no'
  /** What is to be said as soon as the program reads it as that. */
  #signal: number | undefined
  readonly #send: (octets: Uint8Array) => void
  readonly #ends = new Set<() => void>()
  #over = false

  constructor(send: (octets: Uint8Array) => void) {
    this.#send = send
  }

  get isOver(): boolean {
    return this.#over
  }

  get waits(): boolean {
    return this.#waiting !== 'no'
  }

  wait(waiting: Exclude<Waiting, 'no'>): void {
    this.#waiting = waiting
  }

  /** The table is sent: what follows is read as a signal. */
  tableSent(): void {
    if (this.#waiting !== 'registered') return
    this.#waiting = 'yes'
    if (this.#signal !== undefined) this.signal(this.#signal)
  }

  stopWaiting(): void {
    this.#waiting = 'no'
    this.#signal = undefined
  }

  /** Tells a program that waits, once: that something has changed, or that it is to wait no longer. */
  signal(code: number = RV.success): void {
    if (this.#waiting === 'registered') this.#signal = code
    if (this.#waiting !== 'yes') return
    this.stopWaiting()
    this.#send(encodeSignal(code))
  }

  /** The result of `attempt` as soon as no transaction is in the way; undefined where the program goes before that. */
  whenFree<T>({ reader }: Slot, attempt: () => T): Promise<T | undefined> {
    return new Promise((resolve) => {
      const giveUp = reader.whenFree(() => {
        this.#ends.delete(end)
        resolve(attempt())
      })
      const end = () => {
        giveUp()
        resolve(undefined)
      }
      this.#ends.add(end)
    })
  }

  /** The program has gone. */
  end(): void {
    this.#over = true
    this.stopWaiting()
    for (const end of this.#ends) end()
    this.#ends.clear()
  }
}
