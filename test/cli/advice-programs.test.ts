// Command lines of other programs that messages and documents print, run as they are printed: with openssl, on files of its
// old and new kinds, and with the tools of tpm2-tools, on a TPM of the test.
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { IN_DOCUMENTS, IN_MESSAGES } from './advice-programs.ts'

const folder = tempDir('programs')
const { port, stop } = await startSwtpm({ tcp: true })
test.after(stop)

function sh(script: string): void {
  const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}` }
  const { status, stderr } = spawnSync('/bin/sh', ['-ec', script], { encoding: 'utf8', cwd: folder, env })
  assert.is(status, 0, `${script}: ${stderr}`)
}

sh('openssl ecparam -genkey -name prime256v1 -noout -out traditional.pem')
sh('openssl req -x509 -new -key traditional.pem -subj /CN=old -out old.pem')
const wrap = 'openssl pkcs12 -export -inkey traditional.pem -in old.pem -passout pass:geheim -out old.p12'

for (const export_ of [wrap, `${wrap} -legacy`]) {
  for (const row of [...IN_MESSAGES, ...IN_DOCUMENTS]) {
    if (!('script' in row)) continue
    test(`${export_ === wrap ? '' : 'of old: '}${row.line}`, () => {
      sh(export_)
      sh(row.script)
    })
  }
}

test.run()
