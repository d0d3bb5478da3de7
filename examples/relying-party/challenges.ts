/**
 * Challenges, of which nothing has to be kept: a nonce says until when it is good, and carries a MAC over that, the
 * address and the audience. So asking for many costs no memory. Only the answered ones are remembered, until they would
 * have expired anyway. A restart makes all void.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Refusal } from './refusals.ts'

/** Octets: expiry in milliseconds, random, MAC. */
const LENGTH = { expiry: 8, random: 8, mac: 16 } as const
const SIGNED = LENGTH.expiry + LENGTH.random
const MOST_USED = 10_000

export interface Challenge {
  readonly nonce: string
  readonly expires: Date
}

export class Challenges {
  readonly #key = randomBytes(32)
  readonly #used = new Map<string, number>()
  readonly #lifeMs: number
  readonly #now: () => number

  constructor(lifeMs: number, now: () => number) {
    this.#lifeMs = lifeMs
    this.#now = now
  }

  make(address: string, audience: string): Challenge {
    const expires = this.#now() + this.#lifeMs
    const signed = Buffer.alloc(SIGNED, randomBytes(SIGNED))
    signed.writeBigUInt64BE(BigInt(expires))
    const nonce = Buffer.concat([signed, this.#mac(signed, address, audience)]).toString('base64url')
    return { nonce, expires: new Date(expires) }
  }

  /** Takes a nonce that was made for these two, once. @throws Refusal stale-challenge, used-challenge, busy */
  use(nonce: string, address: string, audience: string): void {
    const octets = Buffer.from(nonce, 'base64url')
    const signed = octets.subarray(0, SIGNED)
    const whole = octets.length === SIGNED + LENGTH.mac && octets.toString('base64url') === nonce
    if (!whole || !timingSafeEqual(octets.subarray(SIGNED), this.#mac(signed, address, audience))) {
      throw new Refusal('stale-challenge')
    }
    const [now, expires] = [this.#now(), Number(signed.readBigUInt64BE())]
    if (now >= expires) throw new Refusal('stale-challenge')
    this.#forget(now)
    if (this.#used.has(nonce)) throw new Refusal('used-challenge')
    if (this.#used.size >= MOST_USED) throw new Refusal('busy')
    this.#used.set(nonce, expires)
  }

  /** Those that were used first, as far as they have expired. Each lives for a minute at most, so none stays for long. */
  #forget(now: number): void {
    for (const [nonce, expires] of this.#used) {
      if (expires > now) return
      this.#used.delete(nonce)
    }
  }

  #mac(signed: Uint8Array, address: string, audience: string): Buffer {
    const mac = createHmac('sha256', this.#key)
      .update(signed)
      .update(JSON.stringify([address, audience]))
      .digest()
    return mac.subarray(0, LENGTH.mac)
  }
}
