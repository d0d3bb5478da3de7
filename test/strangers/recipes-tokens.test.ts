// takes: 40 s
// docs/recipes: tokens. The commands of the pages, exactly, and a provider on this machine.
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertShown, type Recipes, recipes, typeErrors } from './support/recipes.ts'
import { startTokenEndpoint } from './support/token-endpoint.ts'
import { file, ok, refused, says } from './support/tools.ts'

let project: Recipes

test.before(async () => {
  project = await recipes()
})

test('the pages show the programs', assertShown)

test('the programs have the types of their libraries', async () => assert.is(await typeErrors(project), ''))

test("a JWT by jose: Debian's jose verifies it, and not a changed one", async () => {
  const { stdout, all } = await project.page('docs/recipes/jwt.md')
  assert.is(stdout.match(/"role":"reader","sub":"maria"/g)?.length, 4, all)
  const [header, payload, signature] = readFileSync(join(project.folder, 'es256.jwt'), 'utf8').split('.')
  const changed = Buffer.from(
    Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('reader', 'writer'),
  )
  const verify = ['jws', 'ver', '-k', join(project.folder, '9a.jwk'), '-i']
  await ok('jose', [...verify, file([header, payload, signature].join('.'))])
  await refused('jose', [...verify, file([header, changed.toString('base64url'), signature].join('.'))])
})

test('private_key_jwt by openid-client: a provider that has the public key gives a token, and nobody else gets one', async () => {
  const publicKey = createPublicKey(readFileSync(join(project.folder, '9a.pub')))
  const provider = await startTokenEndpoint('shop', publicKey)
  const env = { NODE_EXTRA_CA_CERTS: provider.caFile }
  try {
    const { stdout } = await project.page('docs/recipes/oidc.md', (command) =>
      command.replace(
        /^npx (.*) https:\/\/provider\.example /,
        `NODE_EXTRA_CA_CERTS='${env.NODE_EXTRA_CA_CERTS}' npx $1 ${provider.issuer} `,
      ),
    )
    assert.is(stdout, `${provider.token}\n`)
    for (const [client, slot] of [
      ['shop', '82'],
      ['other', '9a'],
    ] as const) {
      const words = ['--import', 'tsx', 'oidc.ts', provider.issuer, client, slot]
      const said = await project.run('node', words, { env })
      assert.is.not(said.code, 0, said.all)
      says(said, /invalid_client/)
    }
  } finally {
    await provider.stop()
  }
})

test.run()
