// `tessera:NAME/SLOT`, which Node takes from 24.21 and 26.7 on: keys that the program has named, and nothing else.
// takes: 2 s
import { createPrivateKey, type KeyObject, verify } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../src/index.ts'
import { cardKey } from '../../src/keys/index.ts'
import { PIN } from '../contract/subjects.ts'
import { MESSAGE, rejected, signAsync } from './support/node.ts'
import { staged } from './support/stage.ts'

const on = staged()
/** Older ones take no URL. */
const TAKES_URLS = (([major = 0, minor = 0]) =>
  major > 26 || (major === 26 && minor >= 7) || (major === 24 && minor >= 21))(
  process.versions.node.split('.').map(Number),
)
const keyOf = (url: URL | string = ''): KeyObject => createPrivateKey(new URL(url) as never)

on('a key that was given a name, by its URL and by the same text', 'once', async (stage) => {
  const key = await stage.key({ onPin: PIN, name: 'desk' })
  assert.is(key.url?.href, 'tessera:desk/9a')
  if (!TAKES_URLS) return assert.throws(() => keyOf('tessera:desk/9a'))
  for (const url of [key.url, 'tessera:desk/9a']) {
    const named = keyOf(url)
    assert.is(named.asymmetricKeyType, 'ec')
    assert.ok(verify('sha256', MESSAGE, key.publicKey, await signAsync('sha256', named)))
    assert.throws(() => named.export({ format: 'jwk' }))
  }
  const [named] = [keyOf(key.url)]
  key.close()
  assert.match((await rejected(signAsync('sha256', named))).message, /ERR_CARD_CLOSED$/)
  assert.throws(() => keyOf('tessera:desk/9a'))
})

on('what was not named is not found', 'never', async (stage) => {
  const unnamed = await stage.key()
  assert.is(unnamed.url, undefined)
  await stage.key({ name: 'desk' })
  const token = /tessera:[0-9a-f]+/.exec(
    Buffer.from(unnamed.pem.split('\n').slice(1, -2).join(''), 'base64').toString('latin1'),
  )
  const others = [
    'desk',
    'desk/',
    'desk/9c',
    'desk/9e/',
    'DESK/9e',
    'desk/9e?',
    'desk/9e%00',
    '../desk/9e',
    '',
    '/desk/9e',
    '//desk/9e',
  ]
  for (const other of [...others.map((path) => `tessera:${path}`), String(token)]) {
    assert.throws(() => keyOf(other), undefined, other)
  }
})

on('a name is given once, and only names of cards are', 'never', async (stage) => {
  const key = await stage.key({ name: 'desk' })
  assert.instance(await rejected(stage.key({ name: 'desk' })), UsageError)
  for (const name of ['', '../desk', 'a/b', 'a b', '%61']) {
    assert.instance(await rejected(cardKey(stage.card, stage.slot, { name })), UsageError)
  }
  key.close()
  assert.is((await stage.key({ name: 'desk' })).url?.href, `tessera:desk/${stage.slot}`)
})

test.run()
