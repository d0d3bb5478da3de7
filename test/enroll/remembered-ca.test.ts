// The address of a remembered CA, as it is written down.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type RememberedCa, rememberCa, rememberedCa } from '../../src/enroll/remembered-ca.ts'
import { cardInfo, createCard } from '../../src/index.ts'
import { refused } from '../library/refusal.ts'
import { tempDir } from '../support/temp.ts'

process.env.TESSERA_HOME = tempDir('home')
const CARD = '00112233445566778899aabbccddeeff'
const file = () => readFileSync(join(process.env.TESSERA_HOME ?? '', 'enrolments', `${CARD}-9a.ca`), 'utf8')
const remember = (url: string) => rememberCa(CARD, '9a', { protocol: 'est', url, login: 'none' } satisfies RememberedCa)

for (const [typed, written] of [
  ['https://ca.example/est/', 'https://ca.example/est/'],
  ['HTTPS://CA.example', 'https://ca.example/'],
  [' https://ca.example:8443/x', 'https://ca.example:8443/x'],
  ['https://ca.example/x?token=abc#pw', 'https://ca.example/x'],
] as const) {
  test(`${typed} is remembered as ${written}`, async () => {
    assert.is(await remember(typed), true)
    assert.match(file(), `"url": "${written}"`)
    assert.not.match(file(), /token|pw/)
  })
}

test('an address with a password is not remembered', async () => {
  const before = file()
  for (const url of ['https://maria:secret@ca.example', 'http://ca.example']) assert.is(await remember(url), false)
  assert.is(file(), before)
})

test('a damaged file says what to do, and that writes it anew', async () => {
  const card = await createCard({ name: 'work', tcti: 'embedded:', pin: '135790' })
  const { cardId } = await cardInfo('work')
  const path = join(process.env.TESSERA_HOME ?? '', 'enrolments', `${cardId}-9a.ca`)
  const ca = { protocol: 'est', url: 'https://ca.example/', login: 'none' } as const
  await rememberCa(cardId, '9a', ca)
  writeFileSync(path, readFileSync(path).subarray(0, -3))
  const error = await refused('ERR_CARD_FILE', 1, () => rememberedCa(card, '9a'))
  assert.match(error.message, 'tessera enroll 9a --renew --est URL')
  await rememberCa(cardId, '9a', ca)
  assert.equal(await rememberedCa(card, '9a'), ca)
  await card.close()
})

test.run()
