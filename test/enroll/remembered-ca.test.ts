// The address of a remembered CA, as it is written down.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type RememberedCa, rememberCa } from '../../src/enroll/remembered-ca.ts'
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

test.run()
