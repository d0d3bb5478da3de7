// takes: 2 s
// VERIFY and the use of a key in one transaction: what is sent, in which order, and what a lost answer leaves.
import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex, utf8 } from '../../src/bytes.ts'
import { type ErrorCode, PcscError } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { certificateOf } from '../../src/validate/card/certificate.ts'
import { message, refused, wrong } from '../contract/clauses/clause.ts'
import { memoryCard } from '../pcsc/cards.ts'
import { between } from '../support/channels.ts'
import { within } from '../support/temp.ts'
import { ADMIN_KEY, PIN, type Shown, shownCard } from './shown.ts'

const VERIFY = `0020008008${hex(utf8(PIN))}ffff`
const USE = `0087119c267c2482008120${'5a'.repeat(32)}00`
const isVerify = (apdu: string) => apdu.startsWith('0020') && apdu.length > 10
const isUse = (apdu: string) => apdu.slice(2, 4) === '87'

async function furnished(): Promise<Shown> {
  const shown = shownCard()
  await shown.card.authenticateAdmin(ADMIN_KEY)
  for (const slot of ['9a', '9c', '9e']) await shown.card.generateKey(slot)
  return shown
}

for (const code of ['ERR_CARD_RESET', 'ERR_CARD_REMOVED', 'ERR_PCSC_UNAVAILABLE'] as const satisfies ErrorCode[]) {
  for (const [what, lost] of [
    ['VERIFY', isVerify],
    ['the use', isUse],
  ] as const) {
    for (const done of [false, true]) {
      test(`${code} instead of the answer to ${what}, which was ${done ? '' : 'not '}done: it is not sent again`, async () => {
        const shown = await furnished()
        const sent: string[] = []
        shown.instead = (apdu) => {
          sent.push(isVerify(apdu) ? 'verify' : isUse(apdu) ? 'use' : 'other')
          return lost(apdu) ? new PcscError(code, 'The answer is lost.') : undefined
        }
        shown.first = (apdu) => (done && lost(apdu) ? apdu : undefined)
        await refused(code, () => shown.card.sign('9c', message, { pin: PIN }))
        assert.is(sent.filter((one) => one === 'verify').length, 1)
        assert.is(sent.filter((one) => one === 'use').length, what === 'VERIFY' ? 0 : 1)
        shown.instead = undefined
        shown.first = undefined
        await shown.card.sign('9c', message, { pin: PIN })
      })
    }
  }
}

test('what is asked before VERIFY, and what is not between', async () => {
  const shown = await furnished()
  const { card } = shown
  const sent = (work: () => Promise<unknown>) => shown.sent(work)
  assert.equal(await sent(() => card.sign('9c', message, { pin: PIN })), ['cb', '20', '87'])
  // With tries to keep the card is asked for them first.
  assert.equal(await sent(() => card.sign('9c', message, { pin: PIN, minTriesLeft: 2 })), [
    'cb',

    'f7',
    '20',
    '87',
  ])
  const other = shown.other()
  const unknown = await sent(() => other.sign('9c', message, { pin: PIN }))
  assert.equal(unknown, ['a4', 'cb', 'fd', 'f7', '20', '87'])
  const status = ['cb', '20', 'f7', 'f7']
  assert.equal(await sent(() => other.sign('9c', message, { pin: () => PIN })), [...status, 'cb', '20', '87'])
  assert.equal(await sent(() => other.verifyPin(PIN)), ['cb', '20', 'cb'])
})

test('no VERIFY is left for another program, and none of another program is used', async () => {
  const shown = await furnished()
  const { card } = shown
  await card.verifyPin(PIN)
  assert.is(await shown.send(USE), '6982')
  await wrong('ERR_PIN_WRONG', 4, () => card.sign('9c', message, { pin: '000000' }))
  assert.is(await shown.send(USE), '6982')
  await card.sign('9c', message, { pin: PIN })
  assert.is(await shown.send(USE), '6982')
  assert.is(await shown.send(VERIFY), '9000')
  await refused('ERR_PIN_REQUIRED', () => card.sign('9c', message))
  assert.is(await shown.send(VERIFY), '9000')
  await card.sign('9a', message)
  assert.is(await shown.send(USE), '6982', 'and ours came between')
})

test('VERIFY does not hang on what nobody knows of the key in 9c', async () => {
  for (const [without, told] of [
    // Ed25519, of Yubico's later cards; a certificate that is damaged.
    [[], ['00f7009c', '0101e09000']],
    [['fd'], ['00cb3fff055c035fc10a', '5303700100 9000']],
  ] as const) {
    const shown = shownCard({ without })
    shown.instead = (apdu) => (apdu.startsWith(told[0]) ? told[1].replace(' ', '') : undefined)
    await shown.card.verifyPin(PIN)
    assert.is((await shown.card.pinStatus()).verified, true)
  }
})

test('a certificate whose chain was not answered is not one without a chain', async () => {
  const shown = await furnished()
  const certificate = certificateOf((await shown.card.keyInfo('9a')).publicKey)
  await shown.card.putCertificate('9a', { certificate, chain: [certificate] })
  const [chain, gone] = ['5c035ffe9a', new PcscError('ERR_CARD_REMOVED', 'The card is gone.')]
  shown.instead = (apdu) => (apdu.includes(chain) ? gone : undefined)
  await refused('ERR_CARD_REMOVED', () => shown.card.getCertificate('9a'))
  // Cards that do not know the tag, or keep it to themselves.
  for (const answer of ['6a82', '6a80', '6982']) {
    shown.instead = (apdu) => (apdu.includes(chain) ? answer : undefined)
    assert.equal(await shown.card.getCertificate('9a'), { certificate })
  }
})

test('what was decrypted or agreed on stays in no answer, in one piece or in several', async () => {
  for (const extended of [true, false]) {
    const { channel } = memoryCard()
    const answers: Uint8Array[] = []
    const kept: Parameters<typeof between>[1] = async (apdu, transmit) => {
      const answer = await transmit(apdu)
      answers.push(answer)
      return answer
    }
    const card = cardOver(between(channel, kept, { reader: 'test', generation: 0, extended }))
    await card.authenticateAdmin(ADMIN_KEY)
    const text = randomBytes(150)
    const key = await card.generateKey('9d', { algorithm: 'RSA-2048' })
    const agreed = await card.generateKey('82')
    const padding = constants.RSA_PKCS1_PADDING
    const plain = await card.decrypt('9d', publicEncrypt({ key, padding }, text), { padding: 'pkcs1', pin: PIN })
    assert.equal([...plain], [...text])
    const secret = await card.deriveSecret('82', agreed, { pin: PIN })
    for (const part of [text.subarray(0, 32), text.subarray(-32), secret]) {
      assert.not.ok(answers.some((answer) => Buffer.from(answer).includes(Buffer.from(part))))
    }
  }
})

test('a transaction is no longer than it needs: streams are read, and PINs asked for, outside of it', async () => {
  const shown = await furnished()
  // Another program has its turn meanwhile.
  const free = () => within(shown.send('0020008000'), 120_000, 'no turn for another program')
  const parts = async function* () {
    await free()
    yield message
    await free()
  }
  const pin = async () => {
    await free()
    return PIN
  }
  await shown.card.sign('9c', parts(), { pin })
  await shown.card.sign('9c', parts(), { pin: PIN })
})

test.run()
