// Data objects of the card of tests: GET DATA and PUT DATA. SP 800-73-5 part 2, 3.1.2 and 3.3.2.
import { hex } from '../../../src/bytes.ts'
import type { Profile } from './profiles.ts'
import { Refused, wants } from './refused.ts'
import { partsOf, type Write } from './tlv.ts'

const DISCOVERY = '7e'
const FIRST = 0x5fc101
const BEFORE_RETIRED = 0x5fc10c
const LAST = 0x5fc123
/** Read with a verified PIN. SP 800-73-5 part 1, table 3. */
const WITH_PIN = ['5fc103', '5fc108', '5fc109', '5fc121']
const ROOM = 16_384
const NOTHING = new Uint8Array(0)

export class PlainObjects {
  readonly #profile: Profile
  readonly #write: Write
  /** Contents by tag, in hex. */
  readonly all = new Map<string, Uint8Array>()

  constructor(profile: Profile, write: Write) {
    this.#profile = profile
    this.#write = write
  }

  get(data: Uint8Array, verified: boolean): Uint8Array {
    const tag = hex(partsOf(data)[0]?.value ?? NOTHING)
    const content = this.all.get(tag)
    const absent = this.#isKnown(tag) ? this.#profile.absent : this.#profile.unknownTag
    if (content === undefined) {
      if (absent === 0x9000) return NOTHING
      throw new Refused(absent)
    }
    wants(!WITH_PIN.includes(tag) || verified, 0x6982)
    return this.#write(tag === DISCOVERY ? 0x7e : 0x53, content)
  }

  put(data: Uint8Array): Uint8Array {
    const [list, object] = partsOf(data)
    const tag = hex(list?.value ?? NOTHING)
    wants(list?.tag === 0x5c && object?.tag === 0x53, 0x6a80)
    wants(this.#isKnown(tag), this.#profile.unknownTag === 0x9000 ? 0x6a80 : this.#profile.unknownTag)
    wants(object.value.length <= ROOM, 0x6a84)
    if (object.value.length === 0) this.all.delete(tag)
    else this.all.set(tag, object.value.slice())
    return NOTHING
  }

  /** 5FC1xx that this kind of card has, and the discovery object. */
  #isKnown(tag: string): boolean {
    const number = Number.parseInt(tag, 16)
    const end = this.#profile.retired === 0 ? BEFORE_RETIRED : LAST + 1
    return tag === DISCOVERY || (number >= FIRST && number < end)
  }
}
