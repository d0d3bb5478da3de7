// SoftHSM2: keys in files, in the process of the caller. No TPM: the difference is what protection costs.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../test/support/temp.ts'
import { serveRequests } from '../cases/serve-requests.ts'
import { pkcs11Signer } from './pkcs11.ts'
import { PIN, peerSetup } from './setup.ts'

const folder = tempDir('softhsm')
const configuration = join(folder, 'softhsm2.conf')
writeFileSync(configuration, `directories.tokendir = ${folder}\nobjectstore.backend = file\nlog.level = ERROR\n`)
process.env.SOFTHSM2_CONF = configuration
const token = ['--init-token', '--free', '--label', 'bench', '--so-pin', 'so-pin-of-it', '--pin', PIN]
execFileSync('softhsm2-util', token, { stdio: ['ignore', 'ignore', 'inherit'] })
await serveRequests(pkcs11Signer('/usr/lib/softhsm/libsofthsm2.so', 'bench', peerSetup(), true))
