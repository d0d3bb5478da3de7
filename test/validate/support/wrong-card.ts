// A card that is wrong in one thing: our own card, with what goes in and comes out changed.
import { fromHex, hex } from '../../../src/bytes.ts'
import type { CardChannel } from '../../../src/channel.ts'
import { readTlvs, type Tlv, tlv } from '../../../src/iso7816/tlv.ts'
import type { PreparedCard } from './prepared-card.ts'

/** Answers in place of the card; undefined: the card does. APDUs in hex, and `reset`. */
type Answering = (apdu: string, pass: (apdu: string) => Promise<string>) => Promise<string> | string | undefined

/** Makes what answers: it begins anew for each check. */
export type Wrong = (card: PreparedCard) => Answering

const bytes = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? new Uint8Array(0)

export function wrongCard(card: PreparedCard, wrong: Wrong): CardChannel {
  const answering = wrong(card)
  const { channel } = card
  return {
    atr: channel.atr,
    transaction: (work, options) =>
      channel.transaction(async (transmit) => {
        const pass = async (apdu: string) => hex(await transmit(bytes(apdu)))
        return work(async (apdu) => bytes((await answering(hex(apdu), pass)) ?? (await pass(hex(apdu)))))
      }, options),
    async reset() {
      await channel.reset()
      await answering('reset', async () => '')
    },
    close: async () => undefined,
  }
}

/** Always this answer. */
export const reply =
  (apdus: RegExp, answer: string): Wrong =>
  () =>
  (apdu) =>
    apdus.test(apdu) ? answer.replaceAll(' ', '') : undefined

/** The card's answer, changed. */
export const changed =
  (apdus: RegExp, change: (answer: string) => string): Wrong =>
  () =>
  async (apdu, pass) =>
    apdus.test(apdu) ? change(await pass(apdu)) : pass(apdu)

/** Another octet at `at`. */
export const turned = (answer: string, at = 12): string => {
  const octet = Number.parseInt(answer.slice(2 * at, 2 * at + 2), 16) ^ 1
  return `${answer.slice(0, 2 * at)}${octet.toString(16).padStart(2, '0')}${answer.slice(2 * at + 2)}`
}

/** Objects in place of those on the card; undefined: it is not there. Long ones come in pieces. */
export const objects =
  (...all: ReadonlyArray<readonly [tag: string, content: (card: PreparedCard) => Uint8Array | undefined]>): Wrong =>
  (card) => {
    let rest = ''
    const piece = (): string => {
      const now = rest.slice(0, 512)
      rest = rest.slice(512)
      return `${now}${
        rest === ''
          ? '9000'
          : `61${Math.min(rest.length / 2, 256)
              .toString(16)
              .slice(-2)
              .padStart(2, '0')}`
      }`
    }
    return (apdu) => {
      if (apdu.startsWith('00c00000') && rest !== '') return piece()
      const found = all.find(([tag]) => apdu.startsWith(`00cb3fff0${tag.length / 2 + 2}5c0${tag.length / 2}${tag}`))
      if (found === undefined) return undefined
      const content = found[1](card)
      if (content === undefined) return '6a82'
      rest = hex(tlv(found[0].length < 6 ? Number.parseInt(found[0], 16) : 0x53, content))
      return piece()
    }
  }

export const contentOf = (card: PreparedCard, tag: string): Uint8Array => {
  const content = card.objects.get(tag)
  if (content === undefined) throw new Error(`there is no object ${tag}`)
  return content
}

export const join = (fields: readonly Tlv[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(fields.map(({ tag, value }) => tlv(tag, value))))

/** An object with one field changed; undefined: without it. */
export const field = (tag: string, number: number, value: Uint8Array | string | undefined): Wrong =>
  objects([
    tag,
    (card) => {
      const fields = readTlvs(contentOf(card, tag))
      const octets = typeof value === 'string' ? Uint8Array.from(Buffer.from(value, 'latin1')) : value
      if (octets === undefined) return join(fields.filter((one) => one.tag !== number))
      return join(fields.map((one) => (one.tag === number ? { tag: number, value: octets } : one)))
    },
  ])

export const absent = (tag: string): Wrong => objects([tag, () => undefined])

/** A certificate with its DER changed. */
export const certificates = (
  tags: readonly string[],
  change: (der: Uint8Array, card: PreparedCard) => Uint8Array,
): Wrong =>
  objects(
    ...tags.map(
      (tag) =>
        [
          tag,
          (card: PreparedCard) =>
            join(
              readTlvs(contentOf(card, tag)).map((one) =>
                one.tag === 0x70 ? { tag: 0x70, value: change(one.value, card) } : one,
              ),
            ),
        ] as const,
    ),
  )
