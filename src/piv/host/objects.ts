// Data objects from the host's side. SP 800-73-5 part 2, 3.1.2 and 3.3.2.
import type { LocalCard } from '../../channel.ts'
import { PinError } from '../../errors.ts'
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
import { refusal } from './refusals.ts'
import { wellFormed } from './well-formed.ts'

const INS = { getData: 0xcb, putData: 0xdb } as const
const P1P2 = { p1: 0x3f, p2: 0xff } as const

export interface ObjectInfo {
  /** In lower-case hex digits. */
  readonly tag: string
  /** What NIST calls it; undefined for a tag that it has no name for. */
  readonly name: string | undefined
}

/** PIV has no command that lists objects: a card in this process says what it has, any other is asked for each. */
export async function listObjects(exchange: Exchange, owned: LocalCard | undefined): Promise<ObjectInfo[]> {
  const tags = owned?.objects() ?? (await readable(exchange))
  return tags.map((tag) => ({ tag, name: objectByTag(tag)?.name }))
}

async function readable(exchange: Exchange): Promise<string[]> {
  const tags: string[] = []
  for (const { tag } of OBJECTS) {
    const content = await readObject(exchange, tag).catch((error: unknown) => {
      if (!(error instanceof PinError)) throw error
      return undefined
    })
    if (content !== undefined) tags.push(tag)
  }
  return tags.sort()
}

/** Content of an object; undefined where there is none: never written, and deleted, look alike. */
export async function readObject(exchange: Exchange, name: string): Promise<Uint8Array | undefined> {
  const tag = parseObjectTag(name)
  const answer = await exchange.send({ ins: INS.getData, ...P1P2, data: writeGetData(tag), answer: true })
  if (answer.sw === SW.NOT_FOUND) return undefined
  if (answer.sw !== SW.OK) throw refusal('readObject', answer)
  const content = wellFormed(() => readContent(tag, answer.data), `What the card answers is no data object ${tag}.`)
  return content.length === 0 ? undefined : content.slice()
}

export async function writeObject(exchange: Exchange, name: string, content: Uint8Array): Promise<void> {
  const data = writePutData(parseObjectTag(name), content)
  const answer = await exchange.send({ ins: INS.putData, ...P1P2, data })
  if (answer.sw !== SW.OK) throw refusal('manage', answer)
}

export const deleteObject = (exchange: Exchange, name: string): Promise<void> =>
  writeObject(exchange, name, new Uint8Array(0))
