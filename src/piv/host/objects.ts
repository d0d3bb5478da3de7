// Data objects from the host's side. SP 800-73-5 part 2, 3.1.2 and 3.3.2.
import type { LocalCard } from '../../channel.ts'
import { type AnyCardError, PinError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import {
  OBJECTS,
  objectByTag,
  parseObjectTag,
  readObject as readContent,
  writeGetData,
  writePutData,
} from '../objects.ts'
import type { Exchange } from './exchange.ts'
import { isOfOneItem } from './readable.ts'
import { refusal } from './refusals.ts'
import { wellFormed } from './well-formed.ts'

const INS = { getData: 0xcb, putData: 0xdb } as const
const P1P2 = { p1: 0x3f, p2: 0xff } as const

export interface ObjectInfo {
  /** In lower-case hex digits. */
  readonly tag: string
  /** NIST's name; undefined for a tag without one. */
  readonly name: string | undefined
  /** Why it could not be read: the card has something under this tag, and does not show it. */
  readonly error?: AnyCardError
}

/** How cards answer that an object is absent: SP 800-73 has 6A82. Cards before its third edition knew fewer tags. */
const ABSENT: readonly number[] = [
  SW.NOT_FOUND,
  SW.NOT_SUPPORTED,
  SW.WRONG_DATA,
  SW.WRONG_PARAMETERS,
  SW.WRONG_P1_P2,
  SW.REFERENCE_NOT_FOUND,
  SW.CONDITIONS_OF_USE,
  SW.UNKNOWN_INS,
]

/** PIV has no command that lists objects: a card in this process reports them, any other is asked for each. */
export async function listObjects(exchange: Exchange, owned: LocalCard | undefined): Promise<ObjectInfo[]> {
  const nameOf = (tag: string) => objectByTag(tag)?.name
  if (owned !== undefined) return owned.objects().map((tag) => ({ tag, name: nameOf(tag) }))
  const found: ObjectInfo[] = []
  for (const { tag, name } of OBJECTS) {
    const { there, error } = await whetherThere(exchange, tag)
    if (there) found.push({ tag, name, ...(error && { error }) })
  }
  return found.sort((one, other) => (one.tag < other.tag ? -1 : 1))
}

/** An object that needs the PIN may exist or not. */
async function whetherThere(exchange: Exchange, tag: string): Promise<{ there: boolean; error?: AnyCardError }> {
  try {
    return { there: (await readObject(exchange, tag)) !== undefined }
  } catch (error) {
    if (!isOfOneItem(error)) throw error
    return { there: !(error instanceof PinError), error }
  }
}

/** Content of an object; undefined where there is none. Never written and deleted look the same. */
export async function readObject(exchange: Exchange, name: string): Promise<Uint8Array | undefined> {
  const tag = parseObjectTag(name)
  const answer = await exchange.send({ ins: INS.getData, ...P1P2, data: writeGetData(tag), answer: true })
  if (ABSENT.includes(answer.sw)) return undefined
  if (answer.sw !== SW.OK) throw refusal('readObject', answer)
  if (answer.data.length === 0) return undefined
  const content = wellFormed(() => readContent(tag, answer.data), `The card's answer is not data object ${tag}.`)
  return content.length === 0 ? undefined : content.slice()
}

export async function writeObject(exchange: Exchange, name: string, content: Uint8Array): Promise<void> {
  const data = writePutData(parseObjectTag(name), content)
  const answer = await exchange.send({ ins: INS.putData, ...P1P2, data })
  if (answer.sw !== SW.OK) throw refusal('manage', answer)
}

export const deleteObject = (exchange: Exchange, name: string): Promise<void> =>
  writeObject(exchange, name, new Uint8Array(0))
