// tpm2-tools for peers that need them.
import { execFileSync } from 'node:child_process'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../test/support/temp.ts'
import type { PeerSetup } from './setup.ts'

/** tpm2-tools leave what they load where there is no resource manager, and a TPM has room for three objects. */
const SCRIPT = `#!/bin/sh
/usr/bin/"$(basename "$0")" "$@" || exit
/usr/bin/tpm2_flushcontext -t
`
const LOADING = ['createprimary', 'create', 'load', 'unseal', 'evictcontrol', 'import', 'loadexternal', 'readpublic']

/** Runs programs that call tpm2-tools on one swtpm, each of which flushes what it has loaded. */
export function toolbox({ tcti }: PeerSetup): (program: string, ...args: string[]) => void {
  const folder = tempDir('tools')
  const script = join(folder, 'tool')
  writeFileSync(script, SCRIPT)
  chmodSync(script, 0o755)
  for (const name of LOADING) symlinkSync('tool', join(folder, `tpm2_${name}`))
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, TPM2TOOLS_TCTI: tcti, TPM2_PKCS11_TCTI: tcti }
  return (program, ...args) => {
    const where = LOADING.some((name) => program === `tpm2_${name}`) ? join(folder, program) : program
    execFileSync(where, args, { env, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  }
}

export const PERSISTENT = 0x81010001

/** A key whose password is empty, persistent: nothing has to be loaded for its use. */
export function persistentKey(setup: PeerSetup): void {
  const run = toolbox(setup)
  const kind = setup.algorithm === 'P-256' ? 'ecc256' : 'rsa2048'
  run('tpm2_createprimary', '-C', 'o', '-G', 'ecc256', '-c', 'parent.ctx')
  run('tpm2_create', '-C', 'parent.ctx', '-G', kind, '-u', 'key.pub', '-r', 'key.priv')
  run('tpm2_load', '-C', 'parent.ctx', '-u', 'key.pub', '-r', 'key.priv', '-c', 'key.ctx')
  run('tpm2_evictcontrol', '-C', 'o', '-c', 'key.ctx', `0x${PERSISTENT.toString(16)}`)
}
