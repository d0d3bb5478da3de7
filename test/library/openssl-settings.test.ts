// takes: 3 s
// Settings of OpenSSL that take something away which Tessera needs: an error that names them, and never the end of the
// process. Settings that add something change nothing.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { run } from '../strangers/support/tools.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('settings')

/** Runs lines of a program with a new card that has a key. @param first runs before the card is made */
async function says(lines: string, { first = '', conf = '' } = {}): Promise<string> {
  const program = `import { setFips } from 'node:crypto'
import { createCard } from '${pathToFileURL(join(root, 'dist/index.js'))}'
const say = (error) => console.log(error.code, error.message)
${first}
const card = await createCard({ name: 'card', pin: '27182818', puk: '86753098' }).catch(say)
if (card !== undefined) {
  await card.verifyPin('27182818')
  await card.generateKey('9a', { pinPolicy: 'once' })
  ${lines}
  await card.close()
}
console.log('end')`
  writeFileSync(join(folder, 'program.mjs'), program)
  writeFileSync(join(folder, 'openssl.cnf'), conf)
  const env = { TESSERA_HOME: tempDir('home'), TESSERA_TCTI: 'embedded:', OPENSSL_CONF: join(folder, 'openssl.cnf') }
  const { code, stdout, all } = await run(process.execPath, [join(folder, 'program.mjs')], { env })
  assert.is(code, 0, all)
  assert.match(stdout, /end\n$/, all)
  return stdout
}

const SIGN = `await card.sign('9a', new Uint8Array(3)).then(() => console.log('signed'), say)`
const conf = (settings: string) => `nodejs_conf = init\nopenssl_conf = init\n[init]\n${settings}`
const providers = (...lines: readonly string[]) => conf(`providers = p\n[p]\n${lines.join('\n')}\n`)

test('a provider that is not there, besides the default one', async () => {
  const missing = providers('default = d', 'other = m', '[d]', 'activate = 1', '[m]', 'module = /none', 'activate = 1')
  assert.is(await says(SIGN, { conf: missing }), 'signed\nend\n')
})

test('FIPS mode without its provider: before a card is made, and after', async () => {
  const before = await says(SIGN, { first: 'setFips(1)' })
  assert.match(
    before,
    /^ERR_TPM_LIBRARY OpenSSL in this process cannot .*crypto\.setFips.*without that setting\.\nend\n$/,
  )
  const after = await says(`setFips(1); ${SIGN}; setFips(0); ${SIGN}`)
  assert.match(after, /^(ERR_TPM_LIBRARY OpenSSL in this process|ERR_OSSL_EVP_UNSUPPORTED) .*\nsigned\nend\n$/)
})

test('no default provider, or a file with a mistake: Node.js itself ends before it runs anything of ours', async () => {
  for (const text of [providers('null = n', '[n]', 'activate = 1'), conf('providers = nowhere\n')]) {
    writeFileSync(join(folder, 'none.cnf'), text)
    const env = { OPENSSL_CONF: join(folder, 'none.cnf') }
    const { stdout, all } = await run(process.execPath, ['-e', 'console.log("ran")'], { env })
    assert.is(stdout, '', all)
  }
})

test.run()
