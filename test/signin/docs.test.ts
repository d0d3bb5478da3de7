// takes: 6 s
// The program in docs/signin.md does what it says, as it stands; only the service is another one.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { ok } from '../strangers/support/tools.ts'
import { tempDir } from '../support/temp.ts'
import { PIN, startWorld } from './support.ts'

const { home, service } = await startWorld()

test('docs/signin.md', async () => {
  const [, block = ''] = /^```ts\n(.*?)^```$/ms.exec(readFileSync(join(root, 'docs/signin.md'), 'utf8')) ?? []
  assert.match(block, "from 'tessera-card/signin'")
  const program = block
    .replace("'tessera-card/signin'", JSON.stringify(new URL('../../src/signin/index.ts', import.meta.url)))
    .replace('maria@', 'alice@')
    .replace("'https://service.example'", JSON.stringify(service.url))
  const path = join(tempDir('program'), 'program.mts')
  writeFileSync(path, `const askPin = ({ reason }) => { console.log(reason); return '${PIN}' }\n${program}`)
  const env = { TESSERA_HOME: home, NODE_EXTRA_CA_CERTS: service.caFile }
  const { stdout } = await ok(process.execPath, ['--import', import.meta.resolve('tsx'), path], { env })
  for (const said of ['The key in slot 9a', '200', 'Signed in as alice', 'signed-out']) assert.match(stdout, said)
})

test.run()
