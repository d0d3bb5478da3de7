// Who records the wire between a program and its TPM, and what he makes of it at home.
// TPM 2.0 Library, Part 1: 11.4.10 (KDFa, KDFe), 19.6 (session keys and HMACs), 21.3 (parameter encryption).
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { CC, type CommandName } from '../../support/codes.ts'
import type { Exchange } from '../../support/proxy.ts'
import {
  answerCode,
  answerOutput,
  ascii,
  command as commandOf,
  concat,
  parseCommand,
  Reader,
  tpm2b,
  u8,
  u32,
} from '../../support/wire.ts'
import { digestOf } from './attacker.ts'

const NOTHING = new Uint8Array(0)

export function kdfa(key: Uint8Array, label: string, u: Uint8Array, v: Uint8Array, bits = 256): Uint8Array {
  return hmac(key, u32(1), ascii(label), u8(0), u, v, u32(bits)).slice(0, bits / 8)
}

export function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    createHmac('sha256', key)
      .update(concat(...parts))
      .digest(),
  )
}

/** AES-128-CFB of an encrypted parameter. `key`: session key, then the authValue where the session authorises. */
export function decryptParameter(hidden: Uint8Array, key: Uint8Array, newer: Uint8Array, older: Uint8Array) {
  const made = kdfa(key, 'CFB', newer, older)
  const cipher = createDecipheriv('aes-128-cfb', made.slice(0, 16), made.slice(16))
  return Uint8Array.from(Buffer.concat([cipher.update(hidden), cipher.final()]))
}

export function encryptParameter(clear: Uint8Array, key: Uint8Array, newer: Uint8Array, older: Uint8Array) {
  const made = kdfa(key, 'CFB', newer, older)
  const cipher = createCipheriv('aes-128-cfb', made.slice(0, 16), made.slice(16))
  return Uint8Array.from(Buffer.concat([cipher.update(clear), cipher.final()]))
}

/** How one command used one session. */
export interface Use {
  readonly exchange: Exchange
  readonly handle: number
  readonly flags: number
  readonly hmac: Uint8Array
  /** nonceCaller of this command, and nonceTPM from before it. */
  readonly nonceCaller: Uint8Array
  readonly nonceTpm: Uint8Array
  /** nonceTPM in its answer; empty where it was refused. */
  readonly nonceAfter: Uint8Array
  /** TPM2_StartAuthSession: both nonces, and the salt under the SRK's public key. */
  readonly start: { readonly nonceCaller: Uint8Array; readonly nonceTpm: Uint8Array; readonly salt: Uint8Array }
}

/** nonceTPM of each session in an answer, in order. */
function noncesAfter({ code, answer }: Exchange): Uint8Array[] {
  if (answer === undefined || answerCode(answer) !== 0 || new Reader(answer).u16() !== 0x8002) return []
  const reader = new Reader(answer.slice(10 + (GIVES_HANDLE.includes(code) ? 4 : 0)))
  reader.take(reader.u32())
  const nonces: Uint8Array[] = []
  while (!reader.done) {
    nonces.push(reader.tpm2b())
    reader.u8()
    reader.tpm2b()
  }
  return nonces
}

const GIVES_HANDLE: readonly number[] = [CC.CreatePrimary, CC.Load, CC.LoadExternal]

/** Every use of a session on this wire whose start was recorded as well; also of a command that has no answer yet. */
export function sessionUses(wire: readonly Exchange[]): Use[] {
  const started = new Map<number, { start: Use['start']; nonceTpm: Uint8Array }>()
  const uses: Use[] = []
  for (const exchange of wire) {
    const { code, command, answer } = exchange
    const parsed = parseCommand(command)
    if (code === CC.StartAuthSession && answer !== undefined && answerCode(answer) === 0) {
      const [asked, given] = [new Reader(parsed.params), new Reader(answerOutput(code, answer))]
      const handle = given.u32()
      const start = { nonceCaller: asked.tpm2b(), nonceTpm: given.tpm2b(), salt: asked.tpm2b() }
      started.set(handle, { start, nonceTpm: start.nonceTpm })
    }
    const after = noncesAfter(exchange)
    for (const [i, { handle, nonce, flags, hmac }] of parsed.sessions.entries()) {
      const known = started.get(handle)
      if (known === undefined) continue
      const nonceAfter = after[i] ?? NOTHING
      uses.push({
        exchange,
        handle,
        flags,
        hmac,
        nonceCaller: nonce,
        nonceTpm: known.nonceTpm,
        nonceAfter,
        start: known.start,
      })
      if (nonceAfter.length > 0) known.nonceTpm = nonceAfter
    }
  }
  return uses
}

const DECRYPT = 0x20

/**
 * What the last command of this name carried in its encrypted first parameter, for somebody who thinks he knows the
 * key of the session; by default that it has none, as an unsalted one.
 */
export function readSecret(
  wire: readonly Exchange[],
  command: CommandName,
  keyOf: (start: Use['start']) => Uint8Array = () => NOTHING,
): Uint8Array {
  const use = sessionUses(wire).findLast(({ exchange, flags }) => exchange.name === command && (flags & DECRYPT) !== 0)
  if (use === undefined) throw new Error(`no ${command} with an encrypted parameter on this wire`)
  const hidden = new Reader(parseCommand(use.exchange.command).params).tpm2b()
  return decryptParameter(hidden, keyOf(use.start), use.nonceCaller, use.nonceTpm)
}

/** Whether somebody has the key of the session with these attributes in the last command of this name. */
export function knowsKey(
  wire: readonly Exchange[],
  command: CommandName,
  names: readonly Uint8Array[],
  keyOf: (start: Use['start']) => Uint8Array,
  wanted = DECRYPT,
): boolean {
  const use = sessionUses(wire).findLast(
    ({ exchange, flags }) => exchange.name === command && (flags & wanted) === wanted,
  )
  if (use === undefined) return false
  const { code, params } = parseCommand(use.exchange.command)
  const cpHash = digestOf(u32(code), ...names, params)
  const made = hmac(keyOf(use.start), cpHash, use.nonceCaller, use.nonceTpm, u8(use.flags))
  return Buffer.compare(made, use.hmac) === 0
}

/** The candidate whose authValue fits the HMAC of the last PolicySecret, for somebody who takes it for unsalted. */
export function fitHmac<T>(
  wire: readonly Exchange[],
  indexName: Uint8Array,
  candidates: Iterable<T>,
  authOf: (candidate: T) => Uint8Array,
): T | undefined {
  const use = sessionUses(wire).findLast(({ exchange }) => exchange.name === 'PolicySecret')
  if (use === undefined) throw new Error('no PolicySecret on this wire')
  const { handles, params } = parseCommand(use.exchange.command)
  const cpHash = digestOf(u32(CC.PolicySecret), indexName, u32(handles[1] ?? 0), params)
  for (const candidate of candidates) {
    const made = hmac(authOf(candidate), cpHash, use.nonceCaller, use.nonceTpm, u8(use.flags))
    if (Buffer.compare(made, use.hmac) === 0) return candidate
  }
  return undefined
}

/**
 * The last command on this wire with other parameters, and HMACs made anew by somebody who takes its sessions for
 * unsalted. `names`: of its handles. `clear`: the first parameter, to be encrypted as the command has it.
 */
export function forge(
  wire: readonly Exchange[],
  names: readonly Uint8Array[],
  change: { readonly first?: Uint8Array; readonly params?: (params: Uint8Array) => Uint8Array },
): Uint8Array {
  const exchange = wire.at(-1)
  if (exchange === undefined) throw new Error('nothing on this wire')
  const { code, handles, sessions, params } = parseCommand(exchange.command)
  const uses = sessionUses(wire).filter((use) => use.exchange === exchange)
  const hiding = uses.find(({ flags }) => (flags & DECRYPT) !== 0)
  let forged = change.params?.(params) ?? params
  if (change.first !== undefined && hiding !== undefined) {
    const hidden = encryptParameter(change.first, NOTHING, hiding.nonceCaller, hiding.nonceTpm)
    forged = concat(tpm2b(hidden), params.slice(2 + hidden.length))
  }
  const cpHash = digestOf(u32(code), ...names, forged)
  const areas = sessions.map(({ handle, nonce, flags, hmac: own }) => {
    const use = uses.find((one) => one.handle === handle)
    const policy = handle >>> 24 === 3
    const made = policy ? NOTHING : use === undefined ? own : hmac(NOTHING, cpHash, nonce, use.nonceTpm, u8(flags))
    return concat(u32(handle), tpm2b(nonce), u8(flags), tpm2b(made))
  })
  return commandOf(code, handles, forged, areas)
}

/** All PINs of six digits that begin with these. */
export function* pinsFrom(first: string): Generator<string> {
  const open = 6 - first.length
  for (let rest = 0; rest < 10 ** open; rest += 1) yield first + String(rest).padStart(open, '0')
}
