// takes: 3 s
// What a card has beyond PIV: found out once, used where it is there, and not missed where it is not.
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex, utf8 } from '../../src/bytes.ts'
import { CardError } from '../../src/index.ts'
import { tlv } from '../../src/iso7816/tlv.ts'
import { writeKeyHistory } from '../../src/piv/contents.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { forbidden, message, refused } from '../contract/clauses/clause.ts'
import { ADMIN_KEY, BEYOND, PIN, type Shown, shownCard } from './shown.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const VERIFY = `0020008008${hex(utf8(PIN))}ffff`
const SLOTS = 24

async function furnished(shown: Shown): Promise<void> {
  await shown.card.authenticateAdmin(ADMIN_KEY)
  for (const slot of ['9a', '9c', '9e']) {
    await shown.card.putCertificate(slot, { certificate: certificateOf(await shown.card.generateKey(slot)) })
  }
}

const count = (sent: readonly string[], ins: string): number => sent.filter((one) => one === ins).length

test('each question is asked once: a listing is one short command a slot, one key one command', async () => {
  const shown = shownCard()
  await furnished(shown)
  const card = shown.other()
  const listing = await shown.sent(async () => assert.is((await card.keys()).length, 3))
  assert.equal(listing, ['a4', 'cb', 'fd', ...Array.from({ length: SLOTS }, () => 'f7')])
  assert.equal(await shown.sent(() => card.keyInfo('9a')), ['cb', 'f7'])
  assert.equal(await shown.sent(() => card.pinStatus()), ['cb', '20', 'f7', 'f7'])
  await card.verifyPin(PIN)
  assert.equal(await shown.sent(() => card.sign('9a', message)), ['87'])
  shown.forget()
  assert.is(count(await shown.sent(() => card.keys()), 'fd'), 1)
})

test('nothing but GET VERSION goes to a card that does not answer it, once for each connection', async () => {
  for (const answer of ['6d00', '9000', '059000', '05049000', '050403029000', '6e00', '6a81', '0504036700', '61']) {
    const shown = shownCard()
    await furnished(shown)
    shown.instead = (apdu) => (apdu.startsWith('00fd') ? answer : undefined)
    const card = shown.other()
    const sent = await shown.sent(async () => {
      assert.is((await card.keys()).length, 3)
      await card.pinStatus()
      await card.authenticateAdmin(ADMIN_KEY)
      for (const change of [
        () => card.importKey('82', privateKey),
        () => card.deleteKey('9a'),
        () => card.moveKey('9a', '82'),
        () => card.attest('9a'),
        () => card.changeAdminKey('random'),
        () => card.changeAdminKey(ADMIN_KEY),
      ]) {
        const error = await refused('ERR_NOT_SUPPORTED', change)
        assert.match(error.message, 'no command for this')
      }
    })
    assert.equal(
      BEYOND.filter((ins) => sent.includes(ins)),
      ['fd'],
      answer,
    )
    assert.is(count(sent, 'fd'), 1, answer)
  }
})

test('without metadata keys are known by their certificates, and retired ones by the key history', async () => {
  const shown = shownCard({ without: ['f7', 'fd'] })
  await furnished(shown)
  for (const slot of ['82', '83', '90']) {
    await shown.card.putCertificate(slot, { certificate: certificateOf(await shown.card.generateKey(slot)) })
  }
  const slots = async () => (await shown.other().keys()).map(({ slot }) => slot)
  // The card counts three certificates, and they are to fill 82 and up.
  assert.equal(await slots(), ['9a', '9c', '9e', '82', '83'])
  const history = (digits: string) => (apdu: string) => (apdu.includes('5c035fc10c') ? digits : undefined)
  shown.instead = history('6a82')
  assert.equal(await slots(), ['9a', '9c', '9e', '82', '83', '90'])
  shown.instead = history('5301009000')
  assert.equal(await slots(), ['9a', '9c', '9e', '82', '83', '90'], 'a history that is none')
  shown.instead = history(`${hex(tlv(0x53, writeKeyHistory({ onCard: 1, offCard: 0 })))}9000`)
  assert.equal(await slots(), ['9a', '9c', '9e', '82'])
  const [told] = await shown.other().keys()
  assert.equal([told?.pinPolicy, told?.origin], ['once', 'unknown'])
})

/** A card that says of its key what is malformed, does not fit together, or says nothing of it. */
const METADATA: Readonly<Record<string, string>> = {
  nothing: '9000',
  'no data object': '01',
  'half of one': '0101',
  'an unknown tag': '010111770100',
  'a tag twice': '010111010111',
  'no algorithm': '02020201',
  'a policy that nobody knows': `0101110202770104438641${'04'.repeat(65)}`,
  'a point that is none': `010111020202010301010443864104${'55'.repeat(64)}`,
  'a key of another algorithm': `010114020202010301010443864104${'55'.repeat(64)}`,
  'a long tail': `010111${'ff'.repeat(300)}`,
}

/** Nitrokey's have no public key (OpenSC, pull 3822), PivApplet's have longer lengths, newer ones more fields. */
test('metadata of other makers are understood: what they leave out, the certificate has', async () => {
  for (const digits of [
    '01011102020301030101',
    '01011102020301030101 9f01 00 0800',
    '018101 11 02 82 0002 0301 03 81 01 01',
    `01011102020301030101${'00'.repeat(300)}`,
  ]) {
    const shown = shownCard()
    await furnished(shown)
    shown.instead = (apdu) => (apdu.startsWith('00f7009a') ? `${digits.replaceAll(' ', '')}9000` : undefined)
    const card = shown.other()
    const { algorithm, pinPolicy, origin } = await card.keyInfo('9a')
    assert.equal([algorithm, pinPolicy, origin], ['P-256', 'always', 'generated'], digits)
    await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
  }
})

test('metadata that is not well formed counts as not said, and the policy is then not known', async () => {
  for (const [name, digits] of Object.entries(METADATA)) {
    const shown = shownCard()
    await furnished(shown)
    shown.instead = (apdu) => (apdu.startsWith('00f7') ? `${digits.replace(/9000$/, '')}9000` : undefined)
    const card = shown.other()
    const told = await card.keyInfo('9a')
    assert.equal([told.pinPolicy, told.origin], ['once', 'unknown'], name)
    const { tries, isDefault, puk } = await card.pinStatus()
    assert.equal([tries, isDefault, puk], [undefined, undefined, {}], name)
    await card.verifyPin(PIN)
    const sent = await shown.sent(() => card.sign('9a', message))
    assert.equal(sent, ['cb', '87'], `${name}: a look comes before the use`)
  }
})

test("no other program's VERIFY serves a key whose policy is not known", async () => {
  const shown = shownCard({ without: ['f7'] })
  await shown.card.authenticateAdmin(ADMIN_KEY)
  const key = await shown.card.generateKey('9a', { pinPolicy: 'always' })
  await shown.card.putCertificate('9a', { certificate: certificateOf(key) })
  const card = shown.other()
  assert.is((await card.keyInfo('9a')).pinPolicy, 'once', 'what the certificate lets one think')
  assert.is(await shown.send(VERIFY), '9000')
  await refused('ERR_PIN_REQUIRED', () => card.sign('9a', message))
  await card.sign('9a', message, { pin: PIN })
  await card.sign('9a', message, { pin: () => PIN })
})

test('what the card refuses is said: no command, no right, no key', async () => {
  const shown = shownCard()
  await furnished(shown)
  const { card } = shown
  const rows: ReadonlyArray<readonly [sw: string, code: string]> = [
    ['6d00', 'ERR_NOT_SUPPORTED'],
    ['6e00', 'ERR_NOT_SUPPORTED'],
    ['6a81', 'ERR_NOT_SUPPORTED'],
    ['6982', 'ERR_ADMIN_REQUIRED'],
    ['6a88', 'ERR_KEY_ABSENT'],
    ['6a84', 'ERR_DATA'],
    ['6f00', 'ERR_CARD_REFUSED'],
  ]
  for (const [sw, code] of rows) {
    shown.instead = (apdu) => (/^[01]0(f6|fe|ff)/.test(apdu) ? sw : undefined)
    for (const change of [
      () => card.importKey('82', privateKey),
      () => card.deleteKey('9a'),
      () => card.moveKey('9a', '82'),
      () => card.changeAdminKey(ADMIN_KEY),
    ]) {
      const error = await change().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      assert.ok(error instanceof CardError)
      assert.is(error.code, code, sw)
    }
  }
  shown.instead = undefined
  const [before] = await card.keys()
  assert.is(before?.slot, '9a')
  await card.lock()
  await forbidden(() => card.deleteKey('9a'))
})

test('another key of an algorithm that is not known here is a key all the same', async () => {
  const shown = shownCard()
  await furnished(shown)
  shown.instead = (apdu) =>
    apdu.startsWith('00f7009a') ? `0101e002020201030101042286${'20'}${'11'.repeat(32)}9000` : undefined
  const error = await refused('ERR_NOT_SUPPORTED', () => shown.card.keyInfo('9a'))
  assert.match(error.message, '9a')
  assert.equal(
    (await shown.card.keys()).map(({ slot }) => slot),
    ['9c', '9e'],
  )
})

test("policies of cards with a finger reader, and the slot's own", async () => {
  const shown = shownCard()
  await furnished(shown)
  const { x = '', y = '' } = (await shown.card.keyInfo('9c')).publicKey.export({ format: 'jwk' })
  const point = `04${[x, y].map((text) => Buffer.from(text, 'base64url').toString('hex')).join('')}`
  for (const [id, policy] of [
    ['00', 'always'],
    ['01', 'never'],
    ['04', 'once'],
    ['05', 'always'],
  ] as const) {
    shown.instead = (apdu) => (apdu.startsWith('00f7009c') ? `0101110202${id}0203010204438641${point}9000` : undefined)
    const told = await shown.other().keyInfo('9c')
    assert.equal([told.pinPolicy, told.origin], [policy, 'imported'])
  }
})

test('a card of another kind than Yubico is told no PIN policy, and promises none', async () => {
  const shown = shownCard({ without: [...BEYOND] })
  await shown.card.authenticateAdmin(ADMIN_KEY)
  const seen: string[] = []
  shown.instead = (apdu) => {
    if (apdu.startsWith('0047')) seen.push(apdu)
    return undefined
  }
  await shown.card.generateKey('9a')
  await shown.card.generateKey('9c', { pinPolicy: 'always' })
  assert.equal(seen, ['0047009a05ac0380011100', '0047009c05ac0380011100'])
  const error = await refused('ERR_NOT_SUPPORTED', () => shown.card.generateKey('9a', { pinPolicy: 'never' }))
  assert.match(error.message, 'once')
  assert.is(seen.length, 2)
})

test('a random admin key is of the algorithm that the card has', async () => {
  for (const [told, id, length] of [
    ['01010302020001050101', '03', 24],
    ['01010802020001050100', '08', 16],
    ['01010c02020001050100', '0c', 32],
    ['', '03', 24],
  ] as const) {
    const shown = shownCard()
    await shown.card.authenticateAdmin(ADMIN_KEY)
    const keys: string[] = []
    shown.instead = (apdu) => {
      if (apdu.startsWith('00ff')) keys.push(apdu)
      return apdu.startsWith('00f7009b') ? `${told}${told === '' ? '6d00' : '9000'}` : undefined
    }
    await shown.card.changeAdminKey('random')
    await shown.card.changeAdminKey('random').catch(() => undefined)
    const [first = '', second = ''] = keys
    assert.match(
      first,
      new RegExp(`^00ffffff${(length + 3).toString(16)}${id}9b${length.toString(16)}.{${2 * length}}$`),
    )
    assert.not.equal(first, second)
  }
})

test('secrets on their way to the card are overwritten once they are there', async () => {
  const shown = shownCard()
  await shown.card.authenticateAdmin(ADMIN_KEY)
  await shown.card.importKey('82', privateKey, { pinPolicy: 'always' })
  await shown.card.importKey('83', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
  await shown.card.changeAdminKey(Uint8Array.from({ length: 32 }, (_, index) => index))
  await shown.card.sign('82', message, { pin: PIN })
  await refused('ERR_PIN_WRONG', () => shown.card.sign('82', message, { pin: '000000' }))
  assert.ok(shown.commands.length > 10)
  for (const apdu of shown.commands) assert.ok(apdu.every((octet) => octet === 0))
})

test.run()
