/**
 * What of an APDU a trace shows. A table says which commands hold no secret; the data of all others is hidden both ways: of
 * VERIFY and its kin, of keys that are imported, and of whatever is not known here. Header, lengths and status words are
 * always shown.
 */
import { hex } from '../bytes.ts'
import { parseCommand } from '../iso7816/command.ts'
import { TlvReader } from '../iso7816/tlv.ts'
import { CARD_ALGORITHMS, cardAlgorithmById } from '../piv/algorithms.ts'
import { objectByTag } from '../piv/objects.ts'
import { ADMIN_KEY } from '../piv/slots.ts'
import { readAuthentication } from '../piv/templates.ts'

interface Secrecy {
  readonly data: boolean
  readonly answer: boolean
}

const OPEN: Secrecy = { data: false, answer: false }
const SECRET: Secrecy = { data: true, answer: true }

const GET_RESPONSE = 0xc0
const CHAINED = 0x10
const TAG_LIST = 0x5c

type Rule = (p1: number, p2: number, data: Uint8Array) => Secrecy

/** By INS. SP 800-73-5 part 2, section 3; Yubico's commands: docs.yubico.com, PIV commands. */
const RULES: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [0x47, () => OPEN], // GENERATE ASYMMETRIC KEY PAIR
  [0x87, authentication],
  [0xa4, () => OPEN], // SELECT
  [0xcb, object], // GET DATA
  [0xdb, object], // PUT DATA
  [0xf6, () => OPEN], // MOVE KEY
  [0xf7, () => OPEN], // GET METADATA
  [0xf8, () => OPEN], // GET SERIAL
  [0xf9, () => OPEN], // ATTEST
  [0xfa, () => OPEN], // SET PIN RETRIES
  [0xfb, () => OPEN], // RESET
  [0xfd, () => OPEN], // GET VERSION
])

/** A signature by an EC key is shown. RSA answers may be what was decrypted, and points may be what was agreed. */
function authentication(algorithm: number, reference: number, data: Uint8Array): Secrecy {
  if (reference === ADMIN_KEY) return SECRET
  const known = cardAlgorithmById(algorithm)
  const isEc = known !== undefined && CARD_ALGORITHMS[known].kind === 'ec'
  const { challenge, exponentiation, witness } = readAuthentication(data)
  return { data: false, answer: !(isEc && challenge !== undefined && exponentiation === undefined && !witness) }
}

/** What can be read with the PIN alone may be a secret: some programs keep the admin key there. */
function object(_p1: number, _p2: number, data: Uint8Array): Secrecy {
  // The first part of a chain ends within the object.
  const reader = new TlvReader(data, 'BER')
  if (!reader.next()) return SECRET
  const tag = reader.tag === TAG_LIST ? hex(reader.value) : reader.tag.toString(16)
  return objectByTag(tag)?.read === 'pin' ? SECRET : OPEN
}

function secrecyOf(ins: number, p1: number, p2: number, data: Uint8Array): Secrecy {
  try {
    return RULES.get(ins)?.(p1, p2, data) ?? SECRET
  } catch {
    return SECRET
  }
}

/** The commands of one card, in order: an answer, and a part of a chain, belong to the command before. */
export class ShownApdus {
  #last: Secrecy = SECRET
  /** INS, P1 and P2 of a chain that goes on. */
  #chain: string | undefined

  command(apdu: Uint8Array): string {
    const parsed = parseCommand(apdu)
    if (parsed === undefined) {
      this.#last = SECRET
      this.#chain = undefined
      return shown(apdu, Math.min(4, apdu.length), apdu.length)
    }
    const { cla, ins, p1, p2, data } = parsed
    const head = `${ins} ${p1} ${p2}`
    const isNext = this.#chain === head
    if (ins !== GET_RESPONSE && !isNext) this.#last = secrecyOf(ins, p1, p2, data)
    this.#chain = (cla & CHAINED) === 0 ? undefined : head
    const at = data.byteOffset - apdu.byteOffset
    return this.#last.data ? shown(apdu, at, at + data.length) : hex(apdu)
  }

  answer(octets: Uint8Array): string {
    // Less than a status word is no answer of a card.
    const end = octets.length < 2 ? octets.length : octets.length - 2
    return this.#last.answer ? shown(octets, 0, end) : hex(octets)
  }
}

/** Hex digits, `xx` from `start` to `end`. */
function shown(octets: Uint8Array, start: number, end: number): string {
  const hidden = 'xx'.repeat(Math.max(0, end - start))
  return `${hex(octets.subarray(0, start))}${hidden}${hex(octets.subarray(Math.max(start, end)))}`
}
