// takes: 5 s
// A card that was made with rules for new PINs asks them wherever a PIN is set, and nobody loses a try by them.
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openChannel } from '../../src/cards/index.ts'
import { cardInfo, DEFAULT_PIN, DEFAULT_PUK, openCard, resetCard, respondToChallenge } from '../../src/index.ts'
import { padPin } from '../../src/piv/pin.ts'
import { checkNewPin } from '../../src/piv/pin-quality.ts'
import { secretFile, tessera } from '../cli/cli.ts'
import { tempDir } from '../support/temp.ts'
import { ascii, concat } from '../support/wire.ts'
import { KINDS, onBench, PUK } from './bench.ts'
import { refused } from './refusal.ts'

const GOOD = '8302917'
const BETTER = '5902713'
const WEAK = ['123456', '1234567', '7777777', '1212121', '654321', '246802', '987654', '12345678'] as const
const desk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const strict = { pin: GOOD, pinPolicy: 'strong', minPinLength: 7 } as const

for (const kind of KINDS) {
  test(`${kind}: changing, unblocking and the help desk refuse what breaks the rules, and cost no try`, () =>
    onBench(kind, async ({ create }) => {
      const card = await create({ ...strict, helpDeskPublicKey: desk.publicKey })
      for (const newPin of [...WEAK, '830291']) {
        await refused('ERR_PIN_FORMAT', 4, () => card.changePin({ pin: GOOD, newPin }))
        await refused('ERR_PIN_FORMAT', 4, () => card.unblockPin({ puk: PUK, newPin }))
      }
      const challenge = await card.unblockChallenge()
      const response = respondToChallenge(challenge, desk.privateKey)
      await refused('ERR_PIN_FORMAT', 4, () => card.unblockWithResponse({ response, newPin: '1111111' }))
      await card.unblockWithResponse({ response, newPin: BETTER })
      const { triesLeft, puk } = await card.pinStatus()
      assert.equal([triesLeft, puk?.triesLeft], [5, 5])
      await card.changePin({ pin: BETTER, newPin: GOOD })
      await card.unblockPin({ puk: PUK, newPin: BETTER })
      await card.close()
    }))
}

test('at the card edge the answer is 6A80, to CHANGE REFERENCE DATA and to RESET RETRY COUNTER', () =>
  onBench('embedded', async ({ home, create }) => {
    await (await create(strict)).close()
    const channel = await openChannel({ name: 'work', home })
    const ask = (ins: number, old: string, fresh: string) =>
      channel.transaction(async (transmit) => {
        const data = concat(padPin(ascii(old)), padPin(ascii(fresh)))
        return Buffer.from(await transmit(concat(Uint8Array.of(0, ins, 0, 0x80, data.length), data))).toString('hex')
      })
    const aid = Uint8Array.of(0xa0, 0, 0, 3, 8)
    await channel.transaction((transmit) => transmit(concat(Uint8Array.of(0, 0xa4, 4, 0, aid.length), aid)))
    assert.is(await ask(0x24, GOOD, '1111111'), '6a80')
    assert.is(await ask(0x2c, PUK, '1111111'), '6a80')
    assert.is(await ask(0x24, GOOD, BETTER), '9000')
    assert.is(await ask(0x2c, PUK, GOOD), '9000')
    await channel.close()
  }))

test('the first PIN is asked the same, unless it is the default, which has to be changed', () =>
  onBench('embedded', async ({ home, create }) => {
    for (const pin of ['1111111', '830291']) await refused('ERR_PIN_FORMAT', 4, () => create({ ...strict, pin }))
    await refused('ERR_USAGE', 2, () => create({ ...strict, minPinLength: 5 }))
    await refused('ERR_USAGE', 2, () => create({ ...strict, minPinLength: 9 }))
    await refused('ERR_USAGE', 2, () => create({ ...strict, pinPolicy: 'weak' as 'any' }))
    await (await create({ ...strict, pin: DEFAULT_PIN })).close()
    assert.ok((await cardInfo('work', { home })).mustChangePin)
    const card = await openCard({ name: 'work', home })
    await refused('ERR_PIN_FORMAT', 4, () => card.changePin({ pin: DEFAULT_PIN, newPin: '7777777' }))
    await card.changePin({ pin: DEFAULT_PIN, newPin: GOOD })
    await card.close()
  }))

test('a card made anew keeps its rules; a card without any takes every PIN', () =>
  onBench('embedded', async ({ home, create }) => {
    await (await create(strict)).close()
    const card = await resetCard('work', { home })
    await refused('ERR_PIN_FORMAT', 4, () => card.unblockPin({ puk: DEFAULT_PUK, newPin: '1111111' }))
    await card.close()
    const free = await create({ name: 'free', pin: GOOD })
    await free.changePin({ pin: GOOD, newPin: '111111' })
    await free.close()
  }))

test('length alone, and weakness alone', () => {
  const refuses = (pin: string, minLength: number, refuseWeak: boolean): boolean => {
    try {
      checkNewPin(ascii(pin), { minLength, refuseWeak })
      return false
    } catch {
      return true
    }
  }
  assert.equal(
    [refuses('111111', 6, false), refuses('111111', 7, false), refuses('11111111', 8, false)],
    [false, true, false],
  )
  assert.equal([refuses('830291', 6, true), refuses('111111', 6, true)], [false, true])
  checkNewPin(ascii('111111'), undefined)
})

test('on the command line: --pin-policy and --min-pin-length', async () => {
  const home = tempDir('home')
  process.env.TESSERA_HOME = home
  const file = (name: string, ...lines: string[]) => secretFile(`${home}/${name}`, ...lines)
  const made = ['create', 'work', '--tcti', 'embedded:', '--pin-policy', 'strong', '--min-pin-length', '8', '--pin']
  const weak = await tessera([...made, file('weak', '11111111')])
  assert.is(weak.code, 4)
  assert.match(weak.stderr, 'repeats a few digits')
  assert.is((await tessera([...made, file('pin', '83029174')])).code, 0)
  const change = ['pin', 'change', '--pin-file', file('change', '83029174', '830291')]
  const { code, stderr } = await tessera(change)
  assert.is(code, 4)
  assert.match(stderr, 'at least 8 digits')
})

test.run()
