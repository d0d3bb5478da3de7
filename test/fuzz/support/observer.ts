// Sends streams to a card application and holds every answer, and what became of the card, against the rules.
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat, equal, hex } from '../../../src/bytes.ts'
import type { LocalVault } from '../../../src/cards/local-card.ts'
import { TpmError } from '../../../src/errors.ts'
import { splitChain } from '../../../src/iso7816/chaining.ts'
import { statusName } from '../../../src/iso7816/status.ts'
import { readTlv, readTlvs, tlv } from '../../../src/iso7816/tlv.ts'
import { ALGORITHMS } from '../../../src/piv/algorithms.ts'
import { CardApplication } from '../../../src/piv/card/application.ts'
import type { Slot } from '../../../src/piv/slots.ts'
import { writeAuthentication } from '../../../src/piv/templates.ts'
import { filled, octets } from '../../support/octets.ts'
import { Chains, type Frame, frame, PinRules } from './rules.ts'
import { ADMIN, WatchedCard } from './watched.ts'

/** What a test breaks, to show that it is found. */
export type Breaking = (vault: LocalVault, application: () => CardApplication) => LocalVault

export interface Answer {
  readonly sw: number
  readonly data: Uint8Array
}

/** One command, as the rules see it before its answer comes. */
interface Sent {
  readonly part: Frame | undefined
  readonly whole: Frame | undefined
  /** One of several parts of a command, and not the last. */
  readonly more: boolean
  /** It comes between the parts of another command. */
  readonly interrupts: boolean
  /** It fetches the rest of an answer. */
  readonly fetches: boolean
  /** It answers the step of authentication with the admin key that was begun before. */
  readonly proves: boolean
}

const PIN_COMMANDS = [0x20, 0x24, 0x2c]
const PROTECTED = ['5c035fc103', '5c035fc108', '5c035fc109', '5c035fc121', '5c035fc123']

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what)
}

interface AdminKey {
  readonly algorithm: number
  readonly key: Uint8Array
}
const CIPHERS: Readonly<Record<number, string>> = {
  3: 'des-ede3-ecb',
  8: 'aes-128-ecb',
  10: 'aes-192-ecb',
  12: 'aes-256-ecb',
}

type Make = typeof createCipheriv | typeof createDecipheriv

function cipher(make: Make, { algorithm, key }: AdminKey, block: Uint8Array): Uint8Array {
  const context = make(CIPHERS[algorithm] ?? '', key, null)
  context.setAutoPadding(false)
  return Uint8Array.from(Buffer.concat([context.update(block), context.final()]))
}

/** What a command that is answered well has done, by instruction, and to what. */
function deedOf({ ins, p1, p2, data }: Frame): { readonly what: string; readonly on: string } | undefined {
  const slot = p2.toString(16)
  if (ins === 0x87) return p2 === 0x9b ? undefined : { what: 'use', on: slot }
  if (ins === 0xf6)
    return p1 === 0xff ? { what: 'remove', on: slot } : { what: 'move', on: `${slot} ${p1.toString(16)}` }
  if (ins === 0xf9) return { what: 'begin put', on: '' }
  if (ins === 0xfb) return { what: 'reset', on: '' }
  if (ins === 0xff) return { what: 'admin', on: hex(data.slice(3)) }
  const what = { 71: 'generate', 219: 'put delete', 254: 'import' }[ins]
  return what === undefined ? undefined : { what, on: slot }
}

const statusOf = (answer: Uint8Array): number => ((answer.at(-2) ?? 0) << 8) | (answer.at(-1) ?? 0)

export class Observer {
  readonly watched = new WatchedCard()
  readonly application: CardApplication
  readonly #pins = new PinRules()
  readonly #chains = new Chains()
  #armed = false
  #admin = false
  #adminKey: AdminKey = ADMIN
  /** What proves the admin key, in hex, for the step that was begun last; and whether it still should. */
  #proof = `7c128210${'00'.repeat(16)}`
  #proving = false
  #pending = false

  constructor(breaking: Breaking = (vault) => vault) {
    const { vault, card } = this.watched
    this.application = new CardApplication({
      vault: breaking(vault, () => this.application),
      identity: () => ({ ...card, created: new Date(card.created), assurance: 'software' }),
      mustChangePin: () => card.mustChangePin,
      defaults: () => [...card.defaults],
    })
  }

  async reset(): Promise<void> {
    await this.application.reset()
    this.#pins.verified = false
    this.#chains.reset()
    this.#armed = false
    this.#admin = false
    this.#pending = false
    this.#proving = false
    this.#checkCard()
  }

  /** Begins to authenticate with the admin key: asks for a witness (80) or a challenge (81). */
  async begin(tag: 0x80 | 0x81): Promise<void> {
    const { algorithm } = this.#adminKey
    const { sw, data } = await this.send(Uint8Array.of(0, 0x87, algorithm, 0x9b, 0x04, 0x7c, 0x02, tag, 0x00, 0x00))
    const size = algorithm === 3 ? 8 : 16
    if (sw !== 0x9000 || data.length !== size + 4) return
    const block = data.subarray(4)
    this.#proving = true
    this.#proof = hex(
      tag === 0x80
        ? tlv(0x7c, tlv(0x80, cipher(createDecipheriv, this.#adminKey, block)), tlv(0x81, filled(size)))
        : tlv(0x7c, tlv(0x82, cipher(createCipheriv, this.#adminKey, block))),
    )
  }

  /** Answers what was begun last, also where it is too late. */
  async prove(): Promise<void> {
    const proof = octets(this.#proof)
    await this.send(Uint8Array.of(0x00, 0x87, this.#adminKey.algorithm, 0x9b, proof.length, ...proof, 0x00))
  }

  /** One command. @throws Error where a rule is not kept */
  async send(octets: Uint8Array): Promise<Answer> {
    const { watched } = this
    const { failing } = watched
    const sent = this.#look(octets)
    watched.record = []
    let answer: Uint8Array
    try {
      answer = await this.application.transmit(Uint8Array.from(octets))
    } catch (error) {
      must(error instanceof TpmError && failing && !watched.failing, `rejects with ${error}`)
      answer = new Uint8Array(0)
    }
    const sw = statusOf(answer)
    const data = answer.subarray(0, -2)
    if (answer.length > 0) this.#check(sent, sw, data)
    else this.#failed()
    this.#pending = sw >> 8 === 0x61
    this.#checkCard()
    return { sw, data }
  }

  #look(octets: Uint8Array): Sent {
    const part = frame(octets)
    const { active, key } = this.#chains
    const added = this.#chains.add(part)
    const whole = typeof added === 'object' ? added : added === 'none' && part?.cla === 0 ? part : undefined
    const interrupts = active && (part === undefined || this.#chains.keyOf(part) !== key)
    const fetches = part?.ins === 0xc0 && (part.cla & 0xef) === 0 && this.#pending
    const mine = whole?.ins === 0x87 && whole.p1 === this.#adminKey.algorithm && whole.p2 === 0x9b
    const proves = this.#proving && mine && !interrupts && hex(whole.data) === this.#proof
    return { part, whole, more: added === 'more', interrupts, fetches, proves }
  }

  /** The TPM was lost on the way: a command all the same, that has done nothing. */
  #failed(): void {
    must(this.watched.record.length === 0, `${this.watched.record} by a command that failed`)
    this.#proving = false
    this.#armed = false
  }

  #check({ part, whole, more, interrupts, fetches, proves }: Sent, sw: number, data: Uint8Array): void {
    const good = sw === 0x9000 || sw >> 8 === 0x61
    must(good || (data.length === 0 && statusName(sw) !== undefined), `${hex(data)} with status ${sw.toString(16)}`)
    if (more) must(sw === 0x9000 && data.length === 0, 'an answer to a part of a command')
    if (part?.ins === 0xc0 && !fetches) must(!good, 'the rest of no answer')
    const armed = this.#armed && !interrupts
    const goesOn = more && part?.ins === 0x87 && !interrupts
    if (!goesOn && !fetches) this.#proving = false
    this.#armed = goesOn && armed
    if (part?.cla === 0 && PIN_COMMANDS.includes(part.ins)) {
      const expected = this.#pins.answer(part)
      must(sw === expected, `status ${sw.toString(16)} and not ${expected.toString(16)}`)
      this.#armed = good && part.ins === 0x20 && part.data.length > 0
    }
    if (part?.cla === 0 && part.ins === 0xfb) this.#checkReset(part, sw)
    if (proves) {
      must(good, `the right proof of the admin key gets ${sw.toString(16)}`)
      this.#admin = true
    }
    // Whoever proves nothing is given a witness or a challenge at most.
    const asked = whole?.ins === 0x87 && whole.p2 === 0x9b && good && !proves
    if (asked) must(data.length < 3 ? sw !== 0x9000 : data[2] === 0x80 || data[2] === 0x81, 'the admin key is proved')
    if (part?.ins === 0xf7) {
      const secrets = [this.#pins.pin, this.#pins.puk, hex(this.#adminKey.key)]
      must(!secrets.some((secret) => hex(data).includes(secret.replace(/f+$/, ''))), 'a secret among the facts')
    }
    if (part?.ins === 0xcb && good && PROTECTED.includes(hex(part.data))) must(this.#pins.verified, 'read unverified')
    this.#checkRecord(whole, sw, armed)
  }

  /** What was done to the card is what the command said, and what allows it was proved. */
  #checkRecord(whole: Frame | undefined, sw: number, armed: boolean): void {
    const { record, card } = this.watched
    const [what = '', ...on] = record[0]?.split(' ') ?? []
    const good = sw === 0x9000 || sw >> 8 === 0x61
    const does = good && whole !== undefined ? deedOf(whole) : undefined
    if (does?.what === 'begin put') {
      // The first of all makes the key, which wants no proof; and its certificate is made where somebody deleted it.
      must(record.length < 2 && does.what.includes(what), `${record} by ATTEST`)
      return
    }
    must(record.length === (does === undefined ? 0 : 1), `${record.join(', ') || 'nothing'} done by ${whole?.ins}`)
    if (does === undefined || whole === undefined) return
    must(does.what.includes(what), `${what} by a command to ${does.what}`)
    if (!['use', 'reset'].includes(does.what)) must(this.#admin, `${record} unproved`)
    if (does.what === 'put delete') {
      const [list, content] = readTlvs(whole.data)
      must(list !== undefined && content !== undefined && hex(list.value) === on[0], `${record} and no such object`)
      must(equal(card.objects.get(on[0] ?? '') ?? new Uint8Array(0), content.value), 'another object than was sent')
    } else must(on.join(' ') === does.on, `${what} of ${on}`)
    if (does.what === 'generate') must(readTlv(whole.data).tag === 0xac, `${record} without a template`)
    if (does.what === 'admin') this.#adminKey = { algorithm: whole.data[0] ?? 0, key: whole.data.slice(3) }
    if (does.what !== 'use') return
    const policy = card.keys.get(on[0] as never)?.pinPolicy
    must(policy === 'never' || (policy === 'once' ? this.#pins.verified : armed), `${record} unverified`)
  }

  #checkReset({ p1, p2, data }: Frame, sw: number): void {
    const expected = p1 !== 0 || p2 !== 0 ? 0x6a86 : data.length > 0 ? 0x6a80 : this.#pins.reset()
    must(sw === expected, `status ${sw.toString(16)} and not ${expected.toString(16)}`)
    if (sw !== 0x9000) return
    const { keys, objects, mustChangePin } = this.watched.card
    must(keys.size === 0 && objects.size === 0 && mustChangePin, 'something is left')
    this.#admin = false
    this.#adminKey = { algorithm: 0x0a, key: octets('010203040506070801020304050607080102030405060708') }
  }

  #checkCard(): void {
    const { card, vault, armed } = this.watched
    const told = (counter: typeof card.puk) => `${hex(counter?.secret ?? octets('')).padEnd(16, 'f')}, ${counter?.left}`
    const { pin, puk, pinLeft, pukLeft, verified } = this.#pins
    must(told(card.pin) === `${pin}, ${pinLeft}`, `the PIN and its tries are ${told(card.pin)}`)
    must(told(card.puk) === `${puk}, ${pukLeft}`, `the PUK and its tries are ${told(card.puk)}`)
    must(vault.pins.unlocked === verified, `the card is ${verified ? 'not ' : ''}unlocked`)
    must(this.#armed || !armed, 'an always key may still be used')
    must(this.application.security.admin === this.#admin, 'the status of the admin key')
  }

  /** The card works, whatever came before. */
  async normalSession(): Promise<void> {
    const { pin, puk } = this.#pins
    this.watched.failing = false
    await this.reset()
    const status = async (digits: string) => (await this.send(octets(digits))).sw
    must((await status('00a404000b a000000308000010000100')) === 0x9000, 'SELECT fails')
    if (this.#pins.pinLeft === 0) await status(`002c008010 ${puk} ${pin}`)
    // Whatever key is in 9c by now: it may be used once, right after the PIN.
    const key = this.watched.card.keys.get('9c' as Slot)
    const { id, kind, octets: size } = ALGORITHMS[key?.algorithm ?? 'P-256']
    const usable = key !== undefined && !this.watched.card.mustChangePin
    const data = concat(octets('0c00'), filled(size - 2))
    const items = writeAuthentication({ response: octets(''), challenge: data })
    const use = splitChain({ cla: 0, ins: 0x87, p1: id, p2: 0x9c, data: items, le: 256, extended: false }, false)
    if ((await status(`0020008008 ${pin}`)) === 0x9000 && usable) {
      for (const part of use)
        must((await this.send(part)).sw === (kind === 'rsa' && part === use.at(-1) ? 0x6108 : 0x9000), 'signing fails')
    }
    await this.begin(0x80)
    await this.prove()
    must(this.#admin, 'the admin key fails')
    must((await status('00db3fff0a 5c035fc105 5303700101')) === 0x9000, 'PUT DATA fails')
    must((await status('00cb3fff05 5c035fc105 00')) === 0x9000, 'GET DATA fails')
  }
}
