// What is remembered of an account: one spelling, its owner's alone, and nothing that signs in.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Account } from '../../src/signin/account.ts'
import { checkAddress, fileNameOf, sameAddress } from '../../src/signin/address.ts'
import { accounts, forget, signIn } from '../../src/signin/index.ts'
import { serviceOrigin } from '../../src/signin/origin.ts'
import { signInState } from '../../src/signin/state.ts'
import { tempDir } from '../support/temp.ts'
import { ALICE, refusedWith } from './support.ts'

const account: Account = {
  address: ALICE,
  service: 'https://service.example:8443',
  method: 'certificate',
  card: { kind: 'tpm', id: '00112233445566778899aabbccddeeff', name: 'work' },
  slot: '9a',
  fingerprint: new Uint8Array(32).fill(7),
  ca: [Uint8Array.of(0x30, 0x00)],
  lastSignIn: '2026-01-31T12:00:00.000Z',
  ended: { at: '2026-01-31T13:00:00.000Z', reason: 'signed-out' },
}

const body = (text: string) => `tessera-account 1 sha256:${createHash('sha256').update(text).digest('hex')}\n${text}`

test('written whole, read the same, its owner alone may read it', async () => {
  const home = tempDir('home')
  const { accounts: store } = signInState(home)
  assert.is(await store.read(ALICE), undefined)
  await store.write(account)
  const path = store.pathOf(ALICE)
  assert.is(path, join(home, 'accounts', 'alice@lab.example.account'))
  assert.equal([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777], [0o600, 0o700])
  assert.equal(await store.read('Alice@LAB.example'), account)
  const { ended: _, ca: __, ...less } = account
  await store.write(less)
  assert.equal(await store.list(), [less])
  assert.equal(Object.keys(JSON.parse(readFileSync(path, 'utf8').split('\n').slice(1).join('\n'))).sort(), [
    ...['address', 'card', 'fingerprint', 'lastSignIn', 'method', 'service', 'slot'],
  ])
  assert.equal(await store.remove(ALICE), true)
  assert.equal(readdirSync(dirname(path)), [])
})

test('a file of a newer version, or one that is damaged: an error, and never written over', async () => {
  const home = tempDir('home')
  const { accounts: store } = signInState(home)
  await store.write(account)
  const path = store.pathOf(ALICE)
  const good = readFileSync(path, 'utf8')
  const json = good.slice(good.indexOf('\n') + 1)
  const bad: ReadonlyArray<readonly [string, 'ERR_CARD_FILE' | 'ERR_CARD_FILE_NEWER']> = [
    [good.replace('account 1', 'account 2'), 'ERR_CARD_FILE_NEWER'],
    ['', 'ERR_CARD_FILE'],
    [good.slice(0, -9), 'ERR_CARD_FILE'],
    [good.replace('certificate', 'challenged!'), 'ERR_CARD_FILE'],
    ['x'.repeat(2 * 1024 * 1024), 'ERR_CARD_FILE'],
    ...[
      json.replace('"slot": "9a"', '"slot": "f9"'),
      json.replace('https://service.example:8443', 'https://service.example:8443/x'),
      json.replace('https://', 'http://'),
      json.replace('"method": "certificate"', '"method": "password"'),
      json.replace('"slot"', '"pin": "123456",\n  "slot"'),
      json.replace('00112233445566778899aabbccddeeff', '..'),
      json.replace(ALICE, 'bob@lab.example'),
      json.replace(ALICE, '../../etc'),
      json.replace('2026-01-31T12:00:00.000Z', 'yesterday'),
      json.replace('"signed-out"', '"tired"'),
      JSON.stringify(JSON.parse(json)),
      '[]\n',
    ].map((text) => [body(text), 'ERR_CARD_FILE'] as const),
  ]
  for (const [text, code] of bad) {
    writeFileSync(path, text)
    const why = text.slice(0, 300)
    assert.not.match((await refusedWith(code, store.read(ALICE))).message, / a account file/, why)
    await refusedWith(code, store.write(account))
    await refusedWith(code, signIn({ address: ALICE, service: 'https://127.0.0.1:1', pin: '123456', home }))
    assert.is(readFileSync(path, 'utf8'), text, why)
    const [listed] = await accounts({ home })
    assert.ok(listed && 'error' in listed && listed.path === path && listed.error.code === code, why)
  }
  assert.equal(await forget(ALICE, { home }), { signedOut: false }, 'what is damaged can be forgotten')
  assert.not(existsSync(path))
})

test('other files in the folder are none of ours', async () => {
  const home = tempDir('home')
  mkdirSync(join(home, 'accounts'))
  for (const name of ['.hidden.account', 'note.txt', `${ALICE}.account-tmp`])
    writeFileSync(join(home, 'accounts', name), 'x')
  assert.equal(await accounts({ home }), [])
})

test('addresses, and what their files are called', () => {
  const longest = `${'a'.repeat(64)}@${'b'.repeat(189)}`
  for (const good of [ALICE, "o'neill+x@b.example", 'j.müller@münchen.example', 'a@b', longest])
    assert.is(checkAddress(good), good)
  const bad = [
    '',
    'alice',
    '@b',
    'a@',
    'a@b@c',
    'a b@c',
    'a@b c',
    'a@b\n',
    'a@-b',
    'a@b..c',
    'a/b@c',
    'a@b/c',
    `${'a'.repeat(65)}@b`,
    `${'a'.repeat(64)}@${'b'.repeat(190)}`,
  ]
  for (const text of bad) assert.throws(() => checkAddress(text), /is not the address of an account/, text)
  assert.ok(sameAddress('Alice@Lab.Example', ALICE))
  assert.is(fileNameOf('Alice@Lab.Example'), ALICE)
  for (const odd of ["o'neill@b.example", 'müller@b.example', '-a@b', '.a@b', `${'a'.repeat(48)}@b.example`]) {
    assert.match(fileNameOf(odd), /^[0-9a-f]{32}$/, odd)
    assert.is(fileNameOf(odd), fileNameOf(odd.toUpperCase()), odd)
  }
})

test('addresses of services', () => {
  assert.is(serviceOrigin('https://Service.example/'), 'https://service.example')
  assert.is(serviceOrigin('https://[::1]:8443'), 'https://[::1]:8443')
  const bad = [
    '',
    'service.example',
    'http://a',
    'https://u:p@a',
    'https://a/b',
    'https://a/?q',
    'https://a/#f',
    'file:///x',
  ]
  for (const text of bad) {
    assert.throws(
      () => serviceOrigin(text),
      (error: Error) => /is not the address of a service/.test(error.message) && !/u:p/.test(error.message),
      text,
    )
  }
})

test.run()
