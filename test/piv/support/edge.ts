// A card in the embedded TPM, seen from its edge: commands out of hex digits, status words as four of them.
import { type createCipheriv, createDecipheriv, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, hex } from '../../../src/bytes.ts'
import { localChannel } from '../../../src/cards/local-card.ts'
import type { CardChannel } from '../../../src/channel.ts'
import { createCard } from '../../../src/index.ts'
import { openTpmCard } from '../../../src/tpm/open.ts'
import { send as transmit } from '../../support/channels.ts'
import { octets } from '../../support/octets.ts'
import { tempDir } from '../../support/temp.ts'

export const PIN = '483920'
export const PUK = 'open ?me'
const TRIES = 5
const ADMIN_KEY = Uint8Array.from({ length: 24 }, (_, index) => index)

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const modulus = hex(Buffer.from(rsa.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url'))

interface Edge {
  readonly channel: CardChannel
  readonly publicKeys: ReadonlyMap<string, KeyObject>
}

/** P-256 in 9a (once), 9c (always) and 9e (never), RSA-2048 in 9d and P-384 in 82 (once); nothing in 95. */
async function make(): Promise<Edge> {
  const home = tempDir('edge')
  const secrets = { pin: PIN, puk: PUK, adminKey: ADMIN_KEY, pinTries: TRIES, pukTries: TRIES }
  const card = await createCard({ name: 'edge', home, tcti: 'embedded:', ...secrets })
  await card.verifyPin(PIN)
  for (const slot of ['9a', '9c', '9e']) await card.generateKey(slot)
  await card.generateKey('82', { algorithm: 'P-384' })
  await card.importKey('9d', rsa.privateKey)
  const publicKeys = new Map((await card.keys()).map((key): [string, KeyObject] => [key.slot, key.publicKey]))
  await card.close()
  return { channel: localChannel(await openTpmCard({ home }, 'edge')), publicKeys }
}

export const { channel, publicKeys } = await make()

const digits = (text: string) => text.replaceAll(' ', '')
const number = (value: number, length: number) => value.toString(16).padStart(2 * length, '0')
const size = (text: string) => digits(text).length / 2

/** A data object. */
export function item(tag: string, ...values: readonly string[]): string {
  const value = digits(values.join(''))
  const length = size(value)
  return (
    tag +
    (length < 0x80 ? number(length, 1) : length < 0x100 ? `81${number(length, 1)}` : `82${number(length, 2)}`) +
    value
  )
}

/** A command: what comes before its lengths, its data (extended where it is long), and Le. */
export function apdu(header: string, data = '', le = '00'): string {
  const length = size(data)
  if (length > 255) return `${digits(header)}00${number(length, 2)}${digits(data)}${le}${le}`
  return digits(header) + (length === 0 ? '' : number(length, 1)) + digits(data) + le
}

/** A command in parts of `at` octets. */
export function parts(header: string, data: string, at = 255): string[] {
  const chunks = digits(data).match(new RegExp(`.{1,${2 * at}}`, 'g')) ?? []
  const last = chunks.pop() ?? ''
  return [...chunks.map((chunk) => apdu(`1${header.slice(1)}`, chunk, '')), apdu(header, last)]
}

export interface Answer {
  readonly sw: string
  readonly data: Uint8Array
}

/** Sends one APDU. */
export async function send(command: string): Promise<Answer> {
  const answer = await transmit(channel, octets(command))
  return { sw: hex(answer.subarray(-2)), data: answer.slice(0, -2) }
}

/** Sends the parts of a command, until one is refused, and fetches all of its answer. */
export async function whole(commands: readonly string[]): Promise<Answer> {
  let answer: Answer = { sw: '9000', data: new Uint8Array(0) }
  for (const command of commands) if (answer.sw === '9000') answer = await send(command)
  while (answer.sw.startsWith('61')) {
    const { sw, data } = await send('00c0000000')
    answer = { sw, data: concat(answer.data, data) }
  }
  return answer
}

/** Every command must have this status word. */
export async function all(sw: string, ...commands: readonly string[]): Promise<void> {
  for (const command of commands) assert.is((await send(command)).sw, sw, `${command.slice(0, 80)}: ${sw}`)
}

/** Commands and status words in turn. */
export async function turns(...rows: ReadonlyArray<readonly [command: string, sw: string]>): Promise<void> {
  for (const [command, sw] of rows) await all(sw, command)
}

export const field = (secret: string) => Buffer.from(secret, 'latin1').toString('hex').padEnd(16, 'f')
export const verify = apdu('00200080', field(PIN), '')
export const asked = '00200080'
export const change = (old: string, fresh: string, header = '00240080') => apdu(header, field(old) + field(fresh), '')
export const unblock = (puk: string, fresh: string, header = '002c0080') => change(puk, fresh, header)
/** What GENERAL AUTHENTICATE signs. */
export const toSign = (digest: string) => item('7c', item('82'), item('81', digest))
export const DIGEST = '5a'.repeat(32)
export const sign = (header = '0087119a', digest = DIGEST) => apdu(header, toSign(digest))

/** Proves the admin key. */
export async function administer(): Promise<void> {
  const { data } = await send(apdu('00870a9b', item('7c', item('80'))))
  const witness = cipher(createDecipheriv, data.subarray(4))
  await all('9000', apdu('00870a9b', item('7c', item('80', witness), item('81', '77'.repeat(16)))))
}

/** One block under the admin key, or what it was. */
export function cipher(make: typeof createCipheriv | typeof createDecipheriv, block: Uint8Array): string {
  const context = make('aes-192-ecb', ADMIN_KEY, null).setAutoPadding(false)
  return hex(concat(context.update(block), context.final()))
}

/** A test after which nothing is verified, no try is lost, and the card works. */
export function onCard(name: string, work: () => Promise<void>): void {
  test(name, async () => {
    await work()
    await channel.reset()
    await all(`63c${TRIES}`, asked)
    // All tries of the PUK: tag 06 of its metadata.
    assert.is(hex((await send('00f7008100')).data.slice(-2)), `0${TRIES}0${TRIES}`)
    await all('6982', apdu('00db3fff', '5c035fc105 53027001'), sign(), sign('0087119c'))
    await all('9000', verify, sign('0087119c'), sign(), sign('0087119e'))
    await channel.reset()
  })
}
