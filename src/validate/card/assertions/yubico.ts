// The add-ons of the reference (end of section 8) for cards with Yubico's instructions, numbered by themselves.
import { createECDH, createPublicKey } from 'node:crypto'
import { concat, hex, leftPad } from '../../../bytes.ts'
import { find, tlv } from '../../../iso7816/tlv.ts'
import { type Assertion, assertion, must, STATUS, step, verified } from './assertion.ts'
import { type Answer, type Edge, octets } from './edge.ts'
import { readTlvs } from './read.ts'
import { assertSigned, signWith } from './use.ts'

/** A card of another make does not know these instructions. */
export const wantsYubico: NonNullable<Assertion['unless']> = async (edge) =>
  (await edge.send('00 FD 00 00')).sw === 0x6d00 ? 'the card does not have these instructions' : undefined

export const wantsAdmin: NonNullable<Assertion['unless']> = async (edge) =>
  edge.secrets.adminKey === undefined ? 'the admin key is not known' : wantsYubico(edge)

/** The reference of an empty retired slot. */
const EMPTY_SLOT = '95'
/** A key that is imported: its scalar, and its public half. */
const pair = createECDH('prime256v1')
const point = pair.generateKeys()
const scalar = (): Uint8Array => leftPad(Uint8Array.from(pair.getPrivateKey()), 32)
const coordinate = (at: number): string => point.subarray(at, at + 32).toString('base64url')
const publicKey = createPublicKey({
  key: { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) },
  format: 'jwk',
})

/** Tags of an answer to GET METADATA. */
const has =
  (...tags: readonly number[]) =>
  ({ data }: Answer): void => {
    const missing = tags.filter((tag) => find(readTlvs(data), tag) === undefined)
    must(missing.length === 0, `${missing} missing in ${hex(data)}`)
  }

async function imported(edge: Edge): Promise<Answer> {
  await edge.authenticateAdmin()
  return edge.chain('00 FE 11 94', concat(tlv(0x06, scalar()), octets('AA0101')), '')
}

export const YUBICO_ASSERTIONS: readonly Assertion[] = [
  assertion(
    1,
    'N',
    'GET VERSION: three octets',
    [step('00 FD 00 00', '9000', ({ data }) => must(data.length === 3, hex(data)))],
    wantsYubico,
  ),
  assertion(2, 'N', 'GET METADATA 9B', [step('00 F7 00 9B', '9000', has(0x01, 0x02, 0x05))], wantsYubico),
  assertion(3, 'N', 'GET METADATA of an empty slot', [step(`00 F7 00 ${EMPTY_SLOT}`, '6A88')], wantsYubico),
  assertion(
    4,
    'N',
    'RESET while the PIN may be tried',
    [step(STATUS, '63Cx'), step('00 FB 00 00', '6985 ~ 6982'), step(STATUS, '63Cx')],
    wantsYubico,
  ),
  assertion(5, 'N', 'VERIFY of a fingerprint', [step('00 20 00 96', '6A88')], wantsYubico),
  assertion(
    6,
    'W',
    'an imported key signs, and says that it was imported',
    [
      step(imported, '9000'),
      step('00 F7 00 94', '9000', (answer) => {
        has(0x01, 0x02, 0x03, 0x04)(answer)
        must(find(readTlvs(answer.data), 0x03)?.[0] === 0x02, 'it says that it was made on the card')
      }),
      verified,
      step(
        (edge) => signWith(edge, 0x94, publicKey),
        '9000',
        (answer) => assertSigned(publicKey, answer),
      ),
    ],
    wantsAdmin,
  ),
]
