// Node processes whose OpenSSL is configured otherwise.
// takes: 3 s
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tempDir } from '../support/temp.ts'
import { configured } from './support/configuration.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A key of a card, and ordinary keys beside it: prints what becomes of each. */
const PROGRAM = `
  import { createCard } from 'tessera-card'
  import { cardKey } from 'tessera-card/keys'
  import { generateKeyPairSync, sign, verify } from 'node:crypto'
  const ordinary = () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return verify('sha256', 'x', publicKey, sign('sha256', 'x', privateKey))
  }
  const before = ordinary()
  const card = await createCard({ name: 'work', pin: '27182818', puk: '86753098', tcti: 'embedded:' })
  await card.verifyPin('27182818')
  const publicKey = await card.generateKey('9a')
  const signed = async () => {
    const { privateKey } = await cardKey(card, '9a')
    const signature = await new Promise((done, fail) => sign('sha256', 'x', privateKey, (e, s) => (e ? fail(e) : done(s))))
    return verify('sha256', 'x', publicKey, signature)
  }
  const outcome = await signed().catch((error) => error.code)
  await card.close()
  console.log(JSON.stringify([before, outcome, ordinary()]))
  process.exit()`

function outcome(name: Parameters<typeof configured>[0], ...options: readonly string[]): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, [...options, '--input-type=module', '--eval', PROGRAM], {
    cwd: root,
    env: { ...process.env, TESSERA_HOME: tempDir('configuration'), ...configured(name) },
    encoding: 'utf8',
  })
  assert.ok(stdout, stderr)
  return JSON.parse(stdout)
}

test('other providers are loaded: all serve', () => {
  assert.equal(outcome('legacy'), [true, true, true])
  assert.equal(outcome('legacy', '--openssl-shared-config'), [true, true, true])
})

test('a configuration that wants its algorithms of another provider: ERR_NO_PROVIDER, and all else serves', () => {
  assert.equal(outcome('defaultOnly'), [true, 'ERR_NO_PROVIDER', true])
})

test.run()
