// What the owner of a card does with its objects and its admin key, through the library.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo, DEFAULT_PIN } from '../../src/index.ts'
import { KINDS, onBench, PIN } from './bench.ts'
import { refused } from './refusal.ts'

const DEFAULT = Uint8Array.from(Buffer.from('010203040506070801020304050607080102030405060708', 'hex'))
const OWN = Uint8Array.from({ length: 32 }, (_, at) => at)
const content = Uint8Array.of(1, 2, 3)

for (const kind of KINDS) {
  test(`${kind}: objects that are there, by tag and name`, () =>
    onBench(kind, async ({ create }) => {
      const card = await create()
      const names = async () => (await card.objects()).map(({ tag, name }) => `${tag} ${name}`)
      const initial = ['5fc102 chuid', '5fc107 ccc', '5fc109 printed-information', '5fc10c key-history', '7e discovery']
      assert.equal(await names(), initial)
      await refused('ERR_PIN_REQUIRED', 4, () => card.putObject('5fff01', content))
      await card.verifyPin(PIN)
      for (const tag of ['5fff01', 'security', 'chuid']) await card.putObject(tag, content)
      const written = ['5fc102 chuid', '5fc106 security', ...initial.slice(1, 4), '5fff01 undefined', '7e discovery']
      assert.equal((await names()).sort(), written.sort())
      for (const tag of ['5fff01', '5fc106', '5fc102']) await card.deleteObject(tag)
      assert.equal(await names(), initial)
      assert.is((await card.getObject('chuid'))?.length, 59, 'as it was at creation')
      await card.close()
    }))

  test(`${kind}: the admin key: replaced, thrown away, default again; the file says which`, () =>
    onBench(kind, async ({ home, create, open }) => {
      const made = await create()
      const told = async () => {
        const { adminKey, defaults } = await cardInfo('work', { home })
        return [adminKey, defaults]
      }
      await refused('ERR_PIN_REQUIRED', 4, () => made.changeAdminKey(OWN))
      await made.verifyPin(PIN)
      await refused('ERR_USAGE', 2, () => made.changeAdminKey(new Uint8Array(20)))
      assert.equal(await told(), [true, ['adminKey']])
      await made.changeAdminKey(OWN)
      assert.equal(await told(), [true, []])
      await made.changeAdminKey(DEFAULT)
      assert.equal(await told(), [true, ['adminKey']])
      await made.changeAdminKey('random')
      assert.equal(await told(), [false, []])
      await refused('ERR_NOT_SUPPORTED', 8, () => made.authenticateAdmin(DEFAULT))
      await made.changeAdminKey(OWN)
      await made.close()

      const card = await open()
      await refused('ERR_ADMIN_WRONG', 4, () => card.authenticateAdmin(DEFAULT))
      await refused('ERR_PIN_REQUIRED', 4, () => card.generateKey('9a'))
      await card.authenticateAdmin(OWN)
      await card.generateKey('9a')
      await card.moveKey('9a', '82')
      await card.putObject('5fff01', content)
      await refused('ERR_PIN_WRONG', 4, () => card.verifyPin(DEFAULT_PIN))
      await card.close()
    }))
}

test.run()
