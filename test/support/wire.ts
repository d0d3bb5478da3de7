// TCG wire form for tests: written and read here without any code of the product.
import { CC, commandInfo } from './codes.ts'

export const u8 = (value: number): Uint8Array => Uint8Array.of(value)
export const u16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value)
export const u32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
/** INT32, as `expiration` is. */
export const i32 = u32
export const u64 = (value: bigint): Uint8Array => concat(u32(Number(value >> 32n)), u32(Number(value & 0xffffffffn)))
/** TPM2B: two octets of length and the contents. */
export const tpm2b = (...parts: Uint8Array[]): Uint8Array => {
  const body = concat(...parts)
  return concat(u16(body.length), body)
}
export const EMPTY: Uint8Array = u16(0)

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
export const rcText = (rc: number): string => `0x${rc.toString(16).padStart(3, '0')}`

/** Reads wire form front to back; every read past the end throws. */
export class Reader {
  #at = 0
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  take(length: number): Uint8Array {
    if (this.#at + length > this.bytes.length) throw new RangeError(`wire form ends before ${length} more octets`)
    this.#at += length
    return this.bytes.slice(this.#at - length, this.#at)
  }
  #number(length: number): number {
    return this.take(length).reduce((value, octet) => value * 256 + octet, 0)
  }
  u8 = (): number => this.#number(1)
  u16 = (): number => this.#number(2)
  u32 = (): number => this.#number(4)
  u64 = (): bigint => (BigInt(this.u32()) << 32n) | BigInt(this.u32())
  tpm2b = (): Uint8Array => this.take(this.u16())
  /** A TPM2B with its length, to be handed on as it is. */
  tpm2bWhole = (): Uint8Array => tpm2b(this.tpm2b())
  rest = (): Uint8Array => this.take(this.bytes.length - this.#at)
  get done(): boolean {
    return this.#at === this.bytes.length
  }
}

const ST_SESSIONS = 0x8002
const RS_PW = 0x40000009

export interface SessionArea {
  readonly handle: number
  readonly nonce: Uint8Array
  /** TPMA_SESSION: 01 continue, 20 decrypt, 40 encrypt, 80 audit. */
  readonly flags: number
  /** HMAC, or the authValue itself where `password`. */
  readonly hmac: Uint8Array
  readonly password: boolean
}

export interface ParsedCommand {
  readonly code: number
  readonly handles: readonly number[]
  readonly sessions: readonly SessionArea[]
  readonly params: Uint8Array
}

/** The parts of a command; throws where it is not one, or its code is not in the table. */
export function parseCommand(command: Uint8Array): ParsedCommand {
  const reader = new Reader(command)
  const tag = reader.u16()
  reader.u32()
  const code = reader.u32()
  const handles = Array.from({ length: commandInfo(code).handles }, reader.u32)
  const sessions: SessionArea[] = []
  if (tag === ST_SESSIONS) {
    const area = new Reader(reader.take(reader.u32()))
    while (!area.done) {
      const handle = area.u32()
      const nonce = area.tpm2b()
      const flags = area.u8()
      sessions.push({ handle, nonce, flags, hmac: area.tpm2b(), password: handle === RS_PW })
    }
  }
  return { code, handles, sessions, params: reader.rest() }
}

/** A whole command; `auths` are session areas (see `passwordArea`), none for tag 8001. */
export function command(
  code: number,
  handles: readonly number[],
  params: Uint8Array,
  auths: Uint8Array[] = [],
): Uint8Array {
  const area = auths.length > 0 ? concat(u32(concat(...auths).length), ...auths) : new Uint8Array(0)
  const body = concat(u32(code), ...handles.map(u32), area, params)
  return concat(u16(auths.length > 0 ? ST_SESSIONS : 0x8001), u32(body.length + 6), body)
}

export const passwordArea = (authValue: Uint8Array = new Uint8Array(0)): Uint8Array =>
  concat(u32(RS_PW), EMPTY, u8(1), tpm2b(authValue))

/** Response code of an answer; its octets from the eleventh on are `answer.subarray(10)`. */
export const answerCode = (answer: Uint8Array): number => new Reader(answer.subarray(6)).u32()

const GIVES_HANDLE: readonly number[] = [
  CC.CreatePrimary,
  CC.CreateLoaded,
  CC.Load,
  CC.LoadExternal,
  CC.ContextLoad,
  CC.StartAuthSession,
]

/** What an answer to command `code` carries: response handle, if that command gives one, then its parameters. */
export function answerOutput(code: number, answer: Uint8Array): Uint8Array {
  const reader = new Reader(answer)
  const tag = reader.u16()
  reader.u32()
  if (reader.u32() !== 0) return new Uint8Array(0)
  const given = GIVES_HANDLE.includes(code)
  const handle = reader.take(given ? 4 : 0)
  return concat(handle, tag === ST_SESSIONS ? reader.take(reader.u32()) : reader.rest())
}

/** An answer of a code and nothing else, as a TPM gives when it refuses. */
export const refusal = (rc: number): Uint8Array => concat(u16(0x8001), u32(10), u32(rc))

/** The same octets with one bit of octet `at` turned (negative: counted from the end). */
export function flipBit(bytes: Uint8Array, at = -1, bit = 0): Uint8Array {
  const copy = bytes.slice()
  const index = at < 0 ? copy.length + at : at
  copy[index] = (copy[index] ?? 0) ^ (1 << bit)
  return copy
}

/** An answer whose header claims `size` octets. */
export function claimSize(answer: Uint8Array, size: number): Uint8Array {
  const copy = answer.slice()
  copy.set(u32(size), 2)
  return copy
}

/** A consistent answer, only shorter: cut to `size` octets and saying so. */
export const shorten = (answer: Uint8Array, size: number): Uint8Array => claimSize(answer.slice(0, size), size)

/** True where `needle` stands somewhere in `haystack`. */
export const contains = (haystack: Uint8Array, needle: Uint8Array): boolean =>
  Buffer.from(haystack).includes(Buffer.from(needle))
