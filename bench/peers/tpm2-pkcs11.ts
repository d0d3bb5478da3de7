// tpm2-pkcs11 on a bare swtpm. Its own C_InitToken fails there ("out of memory for object contexts"), and so does its
// tpm2_ptool; with tools that flush what they load the token can be made, and the module then signs without more.
import { join } from 'node:path'
import { tempDir } from '../../test/support/temp.ts'
import { serveRequests } from '../cases/serve-requests.ts'
import { pkcs11Signer } from './pkcs11.ts'
import { PIN, peerSetup } from './setup.ts'
import { toolbox } from './tools.ts'

const setup = peerSetup()
const run = toolbox(setup)
const store = tempDir('store')
const kind = setup.algorithm === 'P-256' ? 'ecc256' : 'rsa2048'
run('tpm2_ptool', 'init', '--path', store)
const token = ['--label', 'bench', '--userpin', PIN, '--path', store]
run('tpm2_ptool', 'addtoken', '--pid', '1', '--sopin', 'so-pin-of-it', ...token)
run('tpm2_ptool', 'addkey', '--algorithm', kind, ...token)
process.env.TPM2_PKCS11_STORE = store
process.env.TPM2_PKCS11_TCTI = setup.tcti
process.env.TPM2_PKCS11_LOG_LEVEL = '0'
process.env.TSS2_LOG = 'all+NONE'
const folder = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
await serveRequests(pkcs11Signer(join('/usr/lib', folder, 'pkcs11/libtpm2_pkcs11.so'), 'bench', setup))
