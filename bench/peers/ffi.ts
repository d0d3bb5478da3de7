// ESAPI of tpm2-tss through a foreign-function binding: what the addon is there instead of. A password, no PIN, and the
// event loop stands still meanwhile.
import ffi from '@2060.io/ffi-napi'
import ref from '@2060.io/ref-napi'
import { serveRequests } from '../cases/serve-requests.ts'
import { peerSetup } from './setup.ts'
import { PERSISTENT, persistentKey } from './tools.ts'

const NONE = 0xfff
const PASSWORD = 0x0ff
const SHA256 = 0x000b
const POINTER = 8

const setup = peerSetup()
persistentKey(setup)
process.env.TSS2_LOG = 'all+NONE'
const loader = ffi.Library('libtss2-tctildr.so.0', { Tss2_TctiLdr_Initialize: ['uint32', ['string', 'pointer']] })
const esapi = ffi.Library('libtss2-esys.so.0', {
  Esys_Initialize: ['uint32', ['pointer', 'pointer', 'pointer']],
  Esys_TR_FromTPMPublic: ['uint32', ['pointer', 'uint32', 'uint32', 'uint32', 'uint32', 'pointer']],
  Esys_Sign: [
    'uint32',
    ['pointer', 'uint32', 'uint32', 'uint32', 'uint32', 'pointer', 'pointer', 'pointer', 'pointer'],
  ],
  Esys_Free: ['void', ['pointer']],
})

function ensure(code: number | undefined, what: string): void {
  if (code !== 0) throw new Error(`${what}: 0x${code?.toString(16)}`)
}

const out = Buffer.alloc(POINTER)
const pointed = () => ref.readPointer(out, 0, 1)
ensure(loader.Tss2_TctiLdr_Initialize?.(setup.tcti, out), 'TCTI')
const tcti = pointed()
ensure(esapi.Esys_Initialize?.(out, tcti, ref.NULL), 'Initialize')
const context = pointed()
const key = Buffer.alloc(4)
ensure(esapi.Esys_TR_FromTPMPublic?.(context, PERSISTENT, NONE, NONE, NONE, key), 'FromTPMPublic')

/** TPM2B_DIGEST, TPMT_SIG_SCHEME and TPMT_TK_HASHCHECK as C lays them out. */
const digest = Buffer.alloc(66, 9)
digest.writeUInt16LE(32)
const scheme = Buffer.alloc(6)
scheme.writeUInt16LE(setup.algorithm === 'P-256' ? 0x0018 : 0x0014)
scheme.writeUInt16LE(SHA256, 2)
const check = Buffer.alloc(76)
check.writeUInt16LE(0x8024)
check.writeUInt32LE(0x40000007, 4)

await serveRequests({
  async run() {
    const handle = key.readUInt32LE()
    ensure(esapi.Esys_Sign?.(context, handle, PASSWORD, NONE, NONE, digest, scheme, check, out), 'Sign')
    esapi.Esys_Free?.(pointed())
  },
  counters: async () => ({}),
  close: async () => {},
})
