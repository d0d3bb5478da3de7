// takes: 25 s
// Enrolment at the laboratory CA where something is wrong: denied, another password, the CA of somebody else; and of a
// card in a reader through PC/SC, also one that is taken out in the middle.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { localChannel } from '../../src/cards/local-card.ts'
import type { CardChannel } from '../../src/channel.ts'
import {
  abandonEnrollment,
  type CaProtocol,
  certsrvProtocol,
  type EnrollOptions,
  enroll,
  estProtocol,
} from '../../src/enroll/index.ts'
import { CaError, type Card, createCard, openCard } from '../../src/index.ts'
import { openRegistrationAuthority } from '../../src/lab-ca/registration-authority.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { certificateTag } from '../../src/piv/objects.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { openMemoryVault } from '../contract/memory-vault.ts'
import { type Lab, PASSWORDS, startLab, type UserName } from '../lab-ca/support.ts'
import { refused } from '../library/refusal.ts'
import { ADMIN_KEY, memoryCard, PIN as READER_PIN, seen } from '../pcsc/cards.ts'
import { between } from '../support/channels.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { tempDir } from '../support/temp.ts'
import { insertCard } from '../support/vpcd.ts'

const PIN = '135790'
const home = tempDir('home')
let lab: Lab
let slow: Lab
let pcscd: Pcscd
let number = 0

test.before(async () => {
  pcscd = await startPcscd()
  lab = await startLab()
  slow = await startLab({ pending: true })
})
test.after(async () => {
  await lab?.close()
  await slow?.close()
  await pcscd?.stop()
})

const PROTOCOLS = { est: estProtocol, certsrv: certsrvProtocol } as const
type Protocol = keyof typeof PROTOCOLS
const TEMPLATES = { est: 'smartcard-user', certsrv: 'SmartcardUser' } as const

function ca(which: Protocol, where = lab, user: UserName = 'alice', password: string = PASSWORDS[user]) {
  return PROTOCOLS[which]({ url: where.url, ca: where.pem, credentials: { user, password: Buffer.from(password) } })
}

async function withCard<T>(work: (card: Card) => Promise<T>): Promise<T> {
  number += 1
  const card = await createCard({ name: `work${number}`, home, tcti: 'embedded:', pin: PIN })
  try {
    await card.verifyPin(PIN)
    return await work(card)
  } finally {
    await card.close()
  }
}

const go = (card: Card, which: Protocol, options: Partial<EnrollOptions> = {}) =>
  enroll(card, { ca: ca(which), home, pin: PIN, template: TEMPLATES[which], trust: [derOf(lab)], ...options })
const derOf = ({ pem }: Lab): Uint8Array => Uint8Array.from(new X509Certificate(pem).raw)

for (const which of ['est', 'certsrv'] as const) {
  test(`${which}: denied, in the CA's words; asked for again with the same key`, () =>
    withCard(async (card) => {
      const options = { ca: ca(which, slow), trust: [derOf(slow)] }
      await go(card, which, options)
      const key = (await card.keyInfo('9a')).publicKey
      const registration = await openRegistrationAuthority(slow.directory.path)
      const [waiting] = (await registration.entries()).filter(({ state }) => state === 'pending')
      await registration.deny(waiting?.id ?? 0, 'not this one')
      const error = await refused('ERR_CA_REFUSED', 10, () => go(card, which, { ...options, wait: 600 }))
      assert.match(error.message, 'not this one')
      // EST has no answer that means "denied": a status may come from anything in between, so the user has to say it.
      if (which === 'est') {
        const before = (await registration.entries()).length
        await refused('ERR_CA_REFUSED', 10, () => go(card, which, { ...options, wait: 90 }))
        assert.is((await registration.entries()).length, before)
        assert.match(error.message, 'give it up: tessera enroll 9a --abandon')
        await abandonEnrollment(card, '9a', { home })
      }
      assert.is((await go(card, which)).state, 'enrolled')
      if (which === 'certsrv') assert.ok((await card.keyInfo('9a')).publicKey.equals(key))
    }))

  test(`${which}: wrong password, unknown template, the CA of somebody else`, () =>
    withCard(async (card) => {
      await refused('ERR_CA_LOGIN', 10, () => go(card, which, { ca: ca(which, lab, 'alice', 'wrong password') }))
      await refused('ERR_CA_REFUSED', 10, () => go(card, which, { template: 'Administrator' }))
      const { url } = lab
      const credentials = { user: 'alice', password: Buffer.from(PASSWORDS.alice) }
      const strange = PROTOCOLS[which]({ url, ca: slow.pem, credentials })
      await refused('ERR_CA_UNTRUSTED', 10, () => go(card, which, { ca: strange }))
      await refused('ERR_CA_CERTIFICATE', 10, () => go(card, which, { trust: [derOf(slow)] }))
      assert.is(await card.getCertificate('9a'), undefined)
      assert.is((await go(card, which)).state, 'enrolled')
    }))
}

test('a card in a reader, through PC/SC: a key is made, certified, replaced', async () => {
  const inserted = await insertCard(pcscd.ports[0], memoryCard().channel)
  await seen(pcscd.readers[0], true)
  const card = await openCard({ reader: pcscd.readers[0] })
  try {
    const authorize = () => card.authenticateAdmin(ADMIN_KEY)
    for (const slot of ['9a', '9c']) {
      const options = { slot, pin: () => READER_PIN, authorize, template: 'smartcard-user' }
      assert.is((await go(card, 'est', options)).state, 'enrolled')
      const key = (await card.keyInfo(slot)).publicKey
      assert.is((await go(card, 'est', { ...options, renew: true, key: 'new' })).state, 'enrolled')
      const now = await card.keyInfo(slot)
      assert.not.ok(now.publicKey.equals(key))
      assert.is(now.pinPolicy, slot === '9c' ? 'always' : 'once')
    }
    assert.equal(
      (await card.keys()).map(({ slot }) => slot),
      ['9a', '9c'],
    )
  } finally {
    await card.close()
    await inserted.pull()
    await seen(pcscd.readers[0], false)
  }
})

/** A card that says nothing of itself, nor of its keys. */
function silent(channel: CardChannel): CardChannel {
  const chuid = Buffer.from('5c035fc102', 'hex')
  const through: Parameters<typeof between>[1] = async (apdu, transmit) => {
    if ([0xf7, 0xf8, 0xfd].includes(apdu[1] ?? 0)) return Uint8Array.of(0x6d, 0x00)
    return Buffer.from(apdu).includes(chuid) ? Uint8Array.of(0x6a, 0x82) : transmit(apdu)
  }
  return between(channel, through, { reader: 'Silent', generation: 0 })
}

test('cards that say nothing of themselves, exchanged in the middle: the certificate of one stays on no other', async () => {
  const [first, second] = [memoryCard(), memoryCard()]
  const once = async (which: CaProtocol, channel: CardChannel) => {
    const card = cardOver(silent(channel))
    const authorize = () => card.authenticateAdmin(ADMIN_KEY)
    return go(card, 'est', { ca: which, pin: () => READER_PIN, authorize, template: 'smartcard-user' })
  }
  const down: CaProtocol = {
    ...ca('est'),
    submit: async () => {
      throw new CaError('ERR_CA_UNAVAILABLE', 'The CA cannot be reached.')
    },
  }
  await refused('ERR_CA_UNAVAILABLE', 1, () => once(down, first.channel))
  await refused('ERR_KEY_ABSENT', 8, () => once(ca('est'), second.channel))
  assert.is(second.card.objects.has(certificateTag(parseSlot('9a'))), false)
  assert.is((await once(ca('est'), first.channel)).state, 'enrolled')
})

test('a card that is taken out of its reader in the middle: the next call goes on', async () => {
  const memory = memoryCard()
  let inserted = await insertCard(pcscd.ports[0], memory.channel)
  await seen(pcscd.readers[0], true)
  const asked = estProtocol({
    url: lab.url,
    ca: lab.pem,
    credentials: { user: 'alice', password: Buffer.from(PASSWORDS.alice) },
  })
  const taking: CaProtocol = {
    ...asked,
    async submit(request, options) {
      await inserted.pull()
      return asked.submit(request, options)
    },
  }
  const once = async (which: CaProtocol) => {
    const card = await openCard({ reader: pcscd.readers[0] })
    const authorize = () => card.authenticateAdmin(ADMIN_KEY)
    try {
      return await go(card, 'est', { ca: which, pin: () => READER_PIN, authorize, template: 'smartcard-user' })
    } finally {
      await card.close()
    }
  }
  try {
    await refused('ERR_CARD_REMOVED', 3, () => once(taking))
    await seen(pcscd.readers[0], false)
    inserted = await insertCard(pcscd.ports[0], localChannel(openMemoryVault(memory.card)))
    await seen(pcscd.readers[0], true)
    assert.is((await once(asked)).state, 'enrolled')
  } finally {
    await inserted.pull()
    await seen(pcscd.readers[0], false)
  }
})

test.run()
