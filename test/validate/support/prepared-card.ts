// Our own card in memory with a key in each slot and with every object of the data model, for the checks of the card edge.
import { createHash } from 'node:crypto'
import { concat, hex, utf8 } from '../../../src/bytes.ts'
import { localChannel } from '../../../src/cards/local-card.ts'
import type { CardChannel } from '../../../src/channel.ts'
import { tlv } from '../../../src/iso7816/tlv.ts'
import { AssertionRun } from '../../../src/validate/card/assertion-run.ts'
import type { Secrets } from '../../../src/validate/card/assertions/edge.ts'
import { WRITE_ASSERTIONS } from '../../../src/validate/card/assertions/writes.ts'
import { newMemoryCard, openMemoryVault } from '../../contract/memory-vault.ts'
import { octets } from '../../support/octets.ts'

const ADMIN_KEY = Uint8Array.from({ length: 24 }, (_, index) => 0xa0 + index)
export const SECRETS: Secrets = {
  pin: '483920',
  newPin: '71650842',
  puk: 'open ?me',
  tries: { pin: 5, puk: 5 },
  adminKey: ADMIN_KEY,
}

export const runOn = (channel: CardChannel): AssertionRun =>
  new AssertionRun(channel, { classes: ['N', 'P', 'R', 'W'], secrets: SECRETS })

const CHUID = '5fc102'
const END = tlv(0xfe)
const text = (tag: number, value: string): Uint8Array => tlv(tag, utf8(value))

/** What our own cards do not have by themselves. */
function objects(chuid: Uint8Array, url: string): ReadonlyArray<readonly [tag: string, content: Uint8Array]> {
  const biometric = concat(tlv(0xbc, new Uint8Array(20)), END)
  const digest = Uint8Array.from(createHash('sha256').update(chuid).digest())
  return [
    ['5fc103', biometric],
    ['5fc108', biometric],
    ['5fc121', biometric],
    ['5fc106', concat(tlv(0xba, octets('013000')), tlv(0xbb, digest), END)],
    [
      '5fc109',
      concat(
        ...[text(0x01, 'Name'), text(0x02, 'Employee'), text(0x04, '2049DEC31'), text(0x05, '1'), text(0x06, 'Issuer')],
        END,
      ),
    ],
    ['5fc10c', concat(tlv(0xc1, Uint8Array.of(1)), tlv(0xc2, Uint8Array.of(1)), text(0xf3, url), END)],
    ['7f61', octets('0201017f6003a00101')],
    ['5fc122', concat(tlv(0x70, Uint8Array.of(0x30, 0x00)), tlv(0x71, Uint8Array.of(0)), END)],
    ['5fc123', concat(text(0x99, '12345678'), END)],
  ]
}

export interface PreparedCard {
  readonly channel: CardChannel
  /** Contents by tag in lower case. */
  readonly objects: { get(tag: string): Uint8Array | undefined }
}

export async function preparedCard(): Promise<PreparedCard> {
  const card = newMemoryCard({
    ...{ name: 'validated', pin: utf8(SECRETS.pin), puk: utf8(SECRETS.puk), pinTries: 5, pukTries: 5 },
    ...{ adminKey: { algorithm: 0x0a, key: ADMIN_KEY }, unlockSeconds: 900, mustChangePin: false },
  })
  const channel = localChannel(openMemoryVault(card))
  const run = runOn(channel)
  await run.prepare()
  const retired = WRITE_ASSERTIONS.find(({ number }) => number === 67)
  if (retired !== undefined) await run.run(retired)
  await channel.reset()
  const read = (apdu: string) =>
    channel.transaction(async (transmit) => {
      await transmit(octets('00a4040009a0000003080000100000'))
      return (await transmit(octets(apdu))).slice(2, -2)
    })
  // It is valid for as long as the certificates are.
  const first = hex(await read('00cb3fff055c035fc10200'))
  const guid = '3410c0ffee00000040008000000000000001'
  const chuid = octets(first.replace(/3410.{32}3508.{16}/, `${guid}3508${hex(utf8('20491231'))}`))
  const url = `http://example.org/${'ab'.repeat(32)}`
  for (const [tag, value] of [...objects(chuid, url), [CHUID, chuid] as const]) card.objects.set(tag, value)
  // What the card writes itself, for cards that differ from it.
  const all = new Map(card.objects)
  all.set('7e', await read('00cb3fff035c017e00'))
  all.set('5fc107', await read('00cb3fff055c035fc10700'))
  return { channel, objects: { get: (tag) => card.objects.get(tag) ?? all.get(tag) } }
}
