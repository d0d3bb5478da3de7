// What a CA encrypts for an endorsement key and the Name of an attestation key, by tpm2-tools, which need no TPM for it.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tempDir } from './temp.ts'
import { Reader, tpm2b } from './wire.ts'

const run = promisify(execFile)

/** TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET for a key of this Name. */
export async function makeCredential(ek: Uint8Array, name: Uint8Array, secret: Uint8Array) {
  const place = tempDir('credential')
  const at = (file: string) => join(place, file)
  writeFileSync(at('ek'), tpm2b(ek))
  writeFileSync(at('secret'), secret)
  const flags = ['-T', 'none', '-Q', '-u', at('ek'), '-s', at('secret'), '-n', Buffer.from(name).toString('hex')]
  await run('tpm2_makecredential', [...flags, '-o', at('credential')], { timeout: 120_000 })
  const made = new Reader(Uint8Array.from(readFileSync(at('credential'))))
  made.take(8) // tpm2-tools' own head: a magic number and a version
  return { credential: made.tpm2bWhole(), secret: made.tpm2bWhole() }
}
