// takes: 25 s
// Test runners of others, whose tests may run in contexts of their own (node:vm): there Node's errors and octets are of
// other classes than those of the same name. Each runs the same test of a card.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newProject } from './support/project.ts'

const imports = `import { createCard, openCard } from 'tessera-card'
import * as crypto from 'node:crypto'
`
const card = `
test('a card', async () => {
  const name = 'card-' + process.pid + '-' + Math.random().toString(36).slice(2)
  await (await createCard({ name, pin: Buffer.from('271828'), puk: new Uint8Array(Buffer.from('86753098')) })).close()
  const card = await openCard(name)
  await card.verifyPin(new TextEncoder().encode('271828'))
  await card.generateKey('9a')
  expect(await card.sign('9a', Buffer.from('x'))).toBeInstanceOf(Uint8Array)
  expect((await card.sign('9a', (async function* () { yield new Uint8Array([1]) })())).length).toBeGreaterThan(60)
  await card.putObject('5f0001', new Uint8Array([1, 2, 3]))
  expect(Buffer.from(await card.getObject('5f0001')).toString('hex')).toBe('010203')
  const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await card.importKey('9d', pair.privateKey)
  expect((await card.deriveSecret('9d', pair.publicKey)).length).toBe(32)
  await card.changeAdminKey(new Uint8Array(24).fill(5))
  await expect(card.verifyPin('12')).rejects.toMatchObject({ code: 'ERR_PIN_FORMAT' })
  await expect(openCard('nobody')).rejects.toMatchObject({ code: 'ERR_CARD_NOT_FOUND' })
  await expect(openCard({ reader: 'none' })).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_(PCSC|READER|NO_|CARD)/) })
  await card.close()
})
`
const required = `const { createCard, openCard } = require('tessera-card')
const crypto = require('node:crypto')
`

test('Jest: import, and require', async () => {
  const config = {
    testMatch: ['**/*.test.?js'],
    transform: {},
    moduleFileExtensions: ['mjs', 'js', 'cjs', 'json', 'node'],
  }
  const project = newProject(
    {
      'package.json': '{"private":true}',
      'jest.config.json': JSON.stringify(config),
      'import.test.mjs': imports + card,
      'require.test.cjs': required + card,
    },
    ['jest'],
  )
  const env = { NODE_OPTIONS: '--experimental-vm-modules' }
  const { code, all } = await project.run('jest', ['-i', '--ci'], { env })
  assert.is(code, 0, all)
  assert.match(all, /Tests: +2 passed, 2 total/)
})

test('vitest: vmThreads, vmForks, threads and forks', async () => {
  const pools = ['vmThreads', 'vmForks', 'threads', 'forks']
  const projects = pools.map((pool) => ({ test: { name: pool, pool, include: ['*.test.mjs'] } }))
  const project = newProject(
    {
      'package.json': '{"private":true,"type":"module"}',
      'vitest.config.mjs': `export default { test: { testTimeout: 60000, maxWorkers: 1, projects: ${JSON.stringify(projects)} } }`,
      'card.test.mjs': `import { expect, test } from 'vitest'\n${imports}${card}`,
    },
    ['vitest'],
  )
  const { code, all } = await project.run('vitest', ['run', '--reporter=verbose'])
  assert.is(code, 0, all)
  for (const pool of pools) assert.match(all, new RegExp(`✓ \\|?${pool}`), all)
  assert.match(all, /Tests +4 passed/)
})

test.run()
