import assert from 'node:assert'
import { verify } from 'node:crypto'
import { test } from 'node:test'
import { cardLab } from 'tessera-card/testing'

test('the key on the card signs', async () => {
  const lab = await cardLab({ ca: true, cards: [{ name: 'work', certificate: 'smartcard-logon' }] })
  try {
    const [card, data] = [await lab.card('work').open(), Buffer.from('data')]
    const signature = await card.sign('9a', data, { pin: lab.card('work').pin })
    assert.ok(verify('sha256', data, (await card.keyInfo('9a')).publicKey, signature))
  } finally {
    await lab.close()
  }
})
