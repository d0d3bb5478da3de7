// takes: 10 s
// examples/served-card.sh, as it stands, in a pcscd of its own.
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SHELL_PROGRAM } from '../cli/cli.ts'
import { root } from '../runner/jobs.ts'
import { startPcscd } from '../support/pcscd.ts'
import { file, ok } from './support/tools.ts'

test('a card is made, served, used by strangers, and gone', async () => {
  const pcscd = await startPcscd()
  // From the sources: dist/ may be older.
  const tessera = file(`#!/bin/sh\nexec ${SHELL_PROGRAM} "$@"\n`)
  chmodSync(tessera, 0o700)
  try {
    const env = { TESSERA: tessera, VPCD: `127.0.0.1:${pcscd.ports[0]}` }
    const { stdout, all } = await ok('sh', [join(root, 'examples/served-card.sh')], { env, ms: 60_000 })
    assert.match(stdout, /token label +: Served card$/m, all)
    assert.match(stdout, /subject: +DN: CN=Served card$/m, all)
    assert.match(stdout, /^ecdsa-sha2-nistp256 \S+ PIV AUTH pubkey$/m, all)
    assert.is(stdout.match(/^Verified OK$/gm)?.length, 2, all)
  } finally {
    await pcscd.stop()
  }
})

test.run()
