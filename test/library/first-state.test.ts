// takes: 5 s
// A card that is like a YubiKey: at the card edge its first PIN serves keys, in programs of this project it does not.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, cardInfo, createCard } from '../../src/index.ts'
import { accessOf } from '../../src/piv/host/card.ts'
import { octets } from '../support/octets.ts'
import { ascii } from '../support/wire.ts'
import { onBench } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned } from './verify.ts'

/** GENERAL AUTHENTICATE: a signature of 9a. */
const SIGN_9A = `00 87 11 9A 26 7C 24 82 00 81 20 ${'5a'.repeat(32)} 00`

/** The status word of a command at the card edge. */
const atEdge = async (card: Card, command: string): Promise<number[]> =>
  [...(await accessOf(card).channel.transaction((transmit) => transmit(octets(command))))].slice(-2)

const data = new TextEncoder().encode('A message to sign.')

test('the first PIN serves no key in this process, and serves at the card edge', () =>
  onBench('embedded', async ({ home, tcti }) => {
    const card = await createCard({ name: 'work', home, tcti, model: 'yubikey' })
    const { mustChange, isDefault, tries, puk } = await card.pinStatus()
    assert.equal([mustChange, isDefault, tries, puk?.tries], [true, true, 3, 3])
    assert.equal((await card.adminKeyInfo())?.algorithm, '3DES')
    await card.verifyPin('123456')
    assert.is(await card.getObject('printed-information'), undefined)
    for (const slot of ['9a', '9e']) {
      await card.generateKey(slot)
      await refused('ERR_PIN_CHANGE_REQUIRED', 7, () => card.sign(slot, data))
      await refused('ERR_PIN_CHANGE_REQUIRED', 7, () => card.sign(slot, data, { pin: '123456' }))
    }
    assert.equal(await atEdge(card, SIGN_9A), [0x90, 0x00])
    await refused('ERR_PIN_FORMAT', 4, () => card.changePin({ pin: '123456', newPin: '123456' }))
    await card.changePin({ pin: '123456', newPin: '483920' })
    assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
    // A PUK that is set back is the default again.
    await card.changePuk({ puk: '12345678', newPuk: 'another1' })
    assert.equal((await cardInfo('work', { home })).defaults, ['adminKey'])
    const changePuk = [...ascii('another112345678')].map((octet) => octet.toString(16)).join('')
    assert.equal(await atEdge(card, `00 24 00 81 10 ${changePuk}`), [0x90, 0x00])
    assert.equal((await cardInfo('work', { home })).defaults, ['adminKey', 'puk'])
    await card.close()
  }))

test('a chosen PIN that must be changed serves no key at the card edge either', () =>
  onBench('embedded', async ({ home, tcti }) => {
    const card = await createCard({ name: 'work', home, tcti, model: 'yubikey', pin: '739164', mustChangePin: true })
    await card.verifyPin('739164')
    await card.generateKey('9a')
    assert.equal(await atEdge(card, SIGN_9A), [0x69, 0x85])
    await card.changePin({ pin: '739164', newPin: '483920' })
    assert.equal(await atEdge(card, SIGN_9A), [0x90, 0x00])
    await card.close()
  }))

test.run()
