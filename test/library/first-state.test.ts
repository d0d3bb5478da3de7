// takes: 5 s
// A card that is like a YubiKey: at the card edge its first PIN serves keys, in programs of this project it does not.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo, createCard } from '../../src/index.ts'
import { accessOf } from '../../src/piv/host/card.ts'
import { octets } from '../support/octets.ts'
import { onBench } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned } from './verify.ts'

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
    const answer = await accessOf(card).channel.transaction((transmit) =>
      transmit(octets(`00 87 11 9A 26 7C 24 82 00 81 20 ${'5a'.repeat(32)} 00`)),
    )
    assert.equal([...answer.slice(-2)], [0x90, 0x00])
    await refused('ERR_PIN_FORMAT', 4, () => card.changePin({ pin: '123456', newPin: '123456' }))
    await card.changePin({ pin: '123456', newPin: '483920' })
    assertSigned((await card.keyInfo('9a')).publicKey, data, await card.sign('9a', data))
    await card.close()
    assert.equal((await cardInfo('work', { home })).defaults, ['puk', 'adminKey'])
  }))

test.run()
