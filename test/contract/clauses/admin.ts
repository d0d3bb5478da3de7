// The admin key, PIV 9B.
import * as assert from 'uvu/assert'
import type { AdminKey } from '../../../src/index.ts'
import { cardOver } from '../../../src/piv/host/card.ts'
import { between } from '../../support/channels.ts'
import { ADMIN_KEY, PIN } from '../subjects.ts'
import { type Clauses, forbidden, message, refused, signs } from './clause.ts'

const octets = (length: number, first = 1): Uint8Array => Uint8Array.from({ length }, (_, index) => first + index)
const KEYS: Readonly<Record<string, AdminKey>> = {
  'AES-128': octets(16),
  'AES-192': octets(24),
  'AES-256': octets(32),
  '3DES': { key: octets(24), algorithm: '3DES' },
}
const WRONG = octets(24, 2)

export const ADMIN: Clauses = {
  ...Object.fromEntries(
    Object.entries(KEYS).map(([name, adminKey]): [string, Clauses[string]] => [
      `${name}: who has the admin key may change the card, and needs no PIN for it`,
      async (subject) => {
        const { card } = await subject.fresh({ adminKey })
        await card.authenticateAdmin(adminKey)
        await card.generateKey('9a')
        await card.putObject(subject.spare(), message)
        assert.equal(await card.getObject(subject.spare()), message)
        assert.is((await card.pinStatus()).verified, false)
        await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
      },
    ]),
  ),

  'a wrong admin key is refused, as often as it is tried, and opens nothing': async (subject) => {
    const { card } = await subject.fresh()
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await refused('ERR_ADMIN_WRONG', () => card.authenticateAdmin(WRONG))
    }
    await forbidden(() => card.putObject(subject.spare(), message))
    await card.authenticateAdmin(ADMIN_KEY)
    await card.putObject(subject.spare(), message)
  },

  'the admin key in another algorithm is another admin key': async (subject) => {
    const { card } = await subject.fresh()
    const others: AdminKey[] = [octets(16), octets(32), { key: ADMIN_KEY, algorithm: '3DES' }]
    for (const other of others) await refused('ERR_ADMIN_WRONG', () => card.authenticateAdmin(other))
    const { card: older } = await subject.fresh({ adminKey: { key: ADMIN_KEY, algorithm: '3DES' } })
    await refused('ERR_ADMIN_WRONG', () => older.authenticateAdmin(ADMIN_KEY))
    await older.authenticateAdmin({ key: ADMIN_KEY, algorithm: '3DES' })
  },

  'what is no admin key is refused before anything is sent': async (subject) => {
    const { card } = await subject.fresh()
    for (const length of [0, 8, 15, 17, 23, 25, 31, 33]) {
      await refused('ERR_USAGE', () => card.authenticateAdmin(octets(length)))
    }
    await refused('ERR_USAGE', () => card.authenticateAdmin({ key: octets(16), algorithm: '3DES' }))
    await refused('ERR_USAGE', () => card.authenticateAdmin({ key: octets(24), algorithm: 'AES-256' }))
  },

  'a card that does not prove that it has the admin key is not trusted': async (subject) => {
    const { channel } = await subject.fresh()
    // A bit of the last octet of its second answer is turned on its way.
    let answers = 0
    const lying = between(channel, async (apdu, transmit) => {
      const answer = await transmit(apdu)
      if (answer[0] === 0x7c) answers += 1
      return answer[0] === 0x7c && answers === 2
        ? answer.map((octet, at) => (at === answer.length - 3 ? octet ^ 1 : octet))
        : answer
    })
    const liar = cardOver(lying)
    await refused('ERR_ADMIN_WRONG', () => liar.authenticateAdmin(ADMIN_KEY))
  },

  'a card without an admin key says so': async (subject) => {
    const { card } = await subject.fresh({ adminKey: 'none' })
    await refused('ERR_NOT_SUPPORTED', () => card.authenticateAdmin(ADMIN_KEY))
  },

  'what the admin key proved ends with lock': async (subject) => {
    const { card } = await subject.fresh()
    await card.authenticateAdmin(ADMIN_KEY)
    await card.lock()
    await forbidden(() => card.putObject(subject.spare(), message))
  },

  'what the admin key proved outlives a PIN that comes and goes': async (subject) => {
    const { card } = await subject.fresh()
    await card.authenticateAdmin(ADMIN_KEY)
    await card.verifyPin(PIN)
    await card.generateKey('9a')
    await signs(card, '9a')
    await refused('ERR_PIN_WRONG', () => card.verifyPin('000001'))
    await card.generateKey('82')
    await card.putObject(subject.spare(), message)
  },

  'a wrong admin key does not end what the right one proved, nor the PIN': async (subject) => {
    const { card } = await subject.fresh()
    await card.authenticateAdmin(ADMIN_KEY)
    await card.verifyPin(PIN)
    await refused('ERR_ADMIN_WRONG', () => card.authenticateAdmin(WRONG))
    await card.generateKey('9a')
    await signs(card, '9a')
  },

  'who may change the card sets another admin key, of any algorithm': async (subject) => {
    const { card } = await subject.fresh()
    await forbidden(() => card.changeAdminKey(octets(32)))
    let key: AdminKey = ADMIN_KEY
    for (const next of Object.values(KEYS)) {
      await card.authenticateAdmin(key)
      await card.changeAdminKey(next)
      await card.lock()
      await refused('ERR_ADMIN_WRONG', () => card.authenticateAdmin(key))
      key = next
    }
    const { card: later } = await subject.again()
    await later.authenticateAdmin(key)
    for (const length of [0, 8, 15, 33]) await refused('ERR_USAGE', () => later.changeAdminKey(octets(length)))
    await later.authenticateAdmin(key)
  },

  'an admin key that nobody has lets nobody in': async (subject) => {
    const { card } = await subject.fresh()
    await card.authenticateAdmin(ADMIN_KEY)
    await card.changeAdminKey('random')
    await card.lock()
    const codes = ['ERR_ADMIN_WRONG', 'ERR_NOT_SUPPORTED'] // there is one that nobody has, or there is none
    const code = await card.authenticateAdmin(ADMIN_KEY).then(
      () => 'let in',
      (error) => error.code,
    )
    assert.ok(codes.includes(code), code)
  },

  'the owner of the card sets another admin key with the PIN alone': async (subject) => {
    const { card } = await subject.fresh()
    await refused('ERR_PIN_REQUIRED', () => card.changeAdminKey(octets(32)))
    await card.verifyPin(PIN)
    await card.changeAdminKey(octets(32))
    await card.lock()
    await refused('ERR_ADMIN_WRONG', () => card.authenticateAdmin(ADMIN_KEY))
    await card.authenticateAdmin(octets(32))
  },
}
