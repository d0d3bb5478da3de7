// tpm2_sign, a process for each signature: what a shell script has.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { tempDir } from '../../test/support/temp.ts'
import { serveRequests } from '../cases/serve-requests.ts'
import { MESSAGE, peerSetup } from './setup.ts'
import { PERSISTENT, persistentKey } from './tools.ts'

const setup = peerSetup()
persistentKey(setup)
const folder = tempDir('sign')
const [message, signature] = [join(folder, 'message'), join(folder, 'signature')]
writeFileSync(message, MESSAGE)
const run = promisify(execFile)
const args = ['-c', `0x${PERSISTENT.toString(16)}`, '-g', 'sha256', '-o', signature, message]
const env = { ...process.env, TPM2TOOLS_TCTI: setup.tcti }
await serveRequests({
  run: () => run('tpm2_sign', args, { env }),
  counters: async () => ({}),
  close: async () => {},
})
