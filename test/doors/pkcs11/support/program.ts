// A PKCS #11 program whose every octet a test decides, and cards in memory for it.
import { join } from 'node:path'
import { utf8 } from '../../../../src/bytes.ts'
import { localChannel } from '../../../../src/cards/local-card.ts'
import { type AttributeValue, kindOf } from '../../../../src/doors/pkcs11/attributes.ts'
import { CALLS, type CallName } from '../../../../src/doors/pkcs11/calls.ts'
import { CKR, type Ckr } from '../../../../src/doors/pkcs11/codes.ts'
import { FieldReader } from '../../../../src/doors/pkcs11/field-reader.ts'
import { FieldWriter } from '../../../../src/doors/pkcs11/field-writer.ts'
import { frameHeader } from '../../../../src/doors/pkcs11/frames.ts'
import { Pkcs11Service, type Pkcs11ServiceOptions } from '../../../../src/doors/pkcs11/service.ts'
import type { CardSource } from '../../../../src/doors/pkcs11/token.ts'
import { type Card, cardOver } from '../../../../src/piv/host/card.ts'
import { type MemoryCard, newMemoryCard, openMemoryVault } from '../../../contract/memory-vault.ts'
import { tempDir } from '../../../support/temp.ts'
import { connected, RawSocket } from '../../support/raw-socket.ts'

export const PIN = '483920'
export const PUK = '86753098'

export function newCard(more: { readonly mustChangePin?: boolean; readonly puk?: string } = {}): MemoryCard {
  return newMemoryCard({
    ...{ name: 'memory', pin: utf8(PIN), puk: utf8(more.puk ?? PUK), pinTries: 5, pukTries: 5 },
    ...{ adminKey: undefined, unlockSeconds: 900, mustChangePin: more.mustChangePin ?? false },
  })
}

export const opened = (card: MemoryCard): Card => cardOver(localChannel(openMemoryVault(card)))

/** A card with the keys that most tests want: P-256 in 9a, RSA-2048 in 9c and 9d, P-256 in 9e. */
export async function furnishedCard(): Promise<MemoryCard> {
  const memory = newCard()
  const card = opened(memory)
  await card.verifyPin(PIN)
  for (const [slot, algorithm] of Object.entries({
    '9a': 'P-256',
    '9c': 'RSA-2048',
    '9d': 'RSA-2048',
    '9e': 'P-256',
  })) {
    await card.generateKey(slot, { algorithm })
  }
  await card.close()
  return memory
}

export const source = (card: MemoryCard): CardSource => ({
  label: card.name,
  isRemovable: false,
  open: async () => opened(card),
})

type Write = (request: FieldWriter) => void

/** A message that calls a function. */
export function message(name: CallName, write: Write = () => {}): Uint8Array {
  const [number, form] = CALLS[name]
  const request = new FieldWriter().uint32(number).octets(utf8(form))
  write(request)
  return request.written.slice()
}

export const frame = (code: number, body: Uint8Array): Uint8Array =>
  Buffer.concat([frameHeader(code, body.length), body])

export const initialize: Write = (request) =>
  request.byteArray(utf8('PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1')).byte(0).byteArray(new Uint8Array(1))

/** `aA` */
export function template(
  request: FieldWriter,
  ...attributes: ReadonlyArray<readonly [number, AttributeValue]>
): FieldWriter {
  request.uint32(attributes.length)
  for (const [type, value] of attributes) request.attribute(type, value, Number.MAX_SAFE_INTEGER)
  return request
}

/** Return values by their names; others as numbers. */
const nameOf = (rv: number): Ckr | number => (Object.keys(CKR) as Ckr[]).find((name) => CKR[name] === rv) ?? rv

export class Refused extends Error {
  readonly rv: Ckr | number

  constructor(name: CallName, rv: number) {
    super(`${name}: ${nameOf(rv)}`)
    this.rv = nameOf(rv)
  }
}

export class RawProgram extends RawSocket {
  #code = 0

  static async open(path: string): Promise<RawProgram> {
    return new RawProgram(await connected(path))
  }

  /** With the versions said and C_Initialize called. */
  static async ready(path: string): Promise<RawProgram> {
    const program = await RawProgram.open(path)
    program.socket.write(Uint8Array.of(2))
    await program.heard(1)
    await program.call('C_Initialize', initialize)
    return program
  }

  /** The fields of the answer. @throws Refused */
  call(name: CallName, write: Write = () => {}): Promise<FieldReader> {
    return this.say(name, message(name, write))
  }

  /** The same for a message of any form. */
  async say(name: CallName, body: Uint8Array): Promise<FieldReader> {
    this.#code += 1
    this.socket.write(frame(this.#code, body))
    const header = await this.heard(12)
    if (header.readUInt32BE(0) !== this.#code || header.readUInt32BE(4) !== 0) throw new Error('another frame')
    const answer = new FieldReader(Uint8Array.from(await this.heard(header.readUInt32BE(8))))
    const number = answer.uint32()
    const form = Buffer.from(answer.octets() ?? []).toString()
    if (number === 0 && form === 'u') throw new Refused(name, answer.ulong())
    if (number !== CALLS[name][0] || form !== CALLS[name][2]) throw new Error(`another answer: ${number} ${form}`)
    return answer
  }

  /** Its return value. */
  async rv(name: CallName, write: Write = () => {}): Promise<Ckr | number | 'CKR_OK'> {
    try {
      await this.call(name, write)
      return 'CKR_OK'
    } catch (error) {
      if (error instanceof Refused) return error.rv
      throw error
    }
  }

  /** A session, read and write unless said otherwise. */
  async session(flags = 6, slot = 1): Promise<number> {
    return (await this.call('C_OpenSession', (request) => request.ulong(slot).ulong(flags))).ulong()
  }

  login(session: number, pin: string, user = 1): Promise<Ckr | number | 'CKR_OK'> {
    return this.rv('C_Login', (request) => request.ulong(session).ulong(user).byteArray(utf8(pin)))
  }

  async find(session: number, ...attributes: ReadonlyArray<readonly [number, AttributeValue]>): Promise<number[]> {
    await this.call('C_FindObjectsInit', (request) => template(request.ulong(session), ...attributes))
    const found: number[] = []
    for (;;) {
      const answer = await this.call('C_FindObjects', (request) => request.ulong(session).uint32(3))
      answer.byte()
      const count = answer.uint32()
      for (let at = 0; at < count; at += 1) found.push(answer.ulong())
      if (count === 0) break
    }
    await this.call('C_FindObjectsFinal', (request) => request.ulong(session))
    return found
  }

  /** Values of attributes, each with room for so many octets, and the return value. */
  async attributes(session: number, object: number, types: readonly number[], room = 4096) {
    const answer = await this.call('C_GetAttributeValue', (request) => {
      request.ulong(session).ulong(object).uint32(types.length)
      for (const type of types) request.uint32(type).uint32(room)
    })
    const values = Array.from({ length: answer.uint32() }, () => {
      const type = answer.uint32()
      if (answer.byte() === 0) return undefined
      const length = answer.uint32()
      const kind = kindOf(type)
      if (kind === 'boolean') return answer.byte() === 1
      return kind === 'number' ? answer.ulong() : (answer.octets()?.slice() ?? length)
    })
    const rv = answer.ulong()
    return { values, rv: rv === 0 ? 'CKR_OK' : nameOf(rv) }
  }

  /** What C_Sign or C_Decrypt answers: the result, or the length that it wants. */
  async result(
    name: 'C_Sign' | 'C_Decrypt',
    session: number,
    input: Uint8Array,
    room = 4096,
  ): Promise<Uint8Array | number> {
    const answer = await this.call(name, (request) => request.ulong(session).byteArray(input).uint32(room))
    return answer.byte() === 1 ? (answer.octets() ?? new Uint8Array(0)).slice() : answer.uint32()
  }
}

export interface Bench {
  readonly service: Pkcs11Service
  readonly path: string
  readonly troubles: readonly unknown[]
  program(): Promise<RawProgram>
}

/** A service with cards in memory. */
export async function onBench(
  cards: readonly CardSource[],
  work: (bench: Bench) => Promise<void>,
  options: Pkcs11ServiceOptions = {},
): Promise<void> {
  const path = join(tempDir('token'), 'pkcs11')
  const troubles: unknown[] = []
  const programs: RawProgram[] = []
  const service = await Pkcs11Service.open(path, cards, { onTrouble: (error) => troubles.push(error), ...options })
  try {
    await work({
      ...{ service, path, troubles },
      async program() {
        const program = await RawProgram.ready(path)
        programs.push(program)
        return program
      },
    })
  } finally {
    for (const program of programs) await program.close()
    await service.close()
  }
}
