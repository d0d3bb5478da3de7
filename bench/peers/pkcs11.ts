// A key behind a PKCS#11 module, driven by pkcs11js: what a Node program does where it has such a module.
import pkcs11 from 'pkcs11js'
import type { Operation } from '../cases/serve-requests.ts'
import { MESSAGE, type PeerSetup, PIN } from './setup.ts'

const KINDS = {
  'P-256': { key: 'CKK_EC', mechanism: 'CKM_ECDSA' },
  'RSA-2048': { key: 'CKK_RSA', mechanism: 'CKM_SHA256_RSA_PKCS' },
} as const
/** OBJECT IDENTIFIER prime256v1. */
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')

const number = (name: string): number => pkcs11[name] ?? Number.NaN

/** The first token whose label has `label` in it. `make`: a key pair is made in it first. */
export function pkcs11Signer(path: string, label: string, { algorithm }: PeerSetup, make = false): Operation {
  const module = new pkcs11.PKCS11()
  module.load(path)
  module.C_Initialize()
  const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.includes(label))
  if (slot === undefined) throw new Error(`${path} shows no token called ${label}`)
  const session = module.C_OpenSession(slot, number('CKF_SERIAL_SESSION') | number('CKF_RW_SESSION'))
  module.C_Login(session, number('CKU_USER'), PIN)
  const { key: keyType, mechanism: name } = KINDS[algorithm]
  if (make) {
    const parameters =
      algorithm === 'P-256'
        ? [{ type: number('CKA_EC_PARAMS'), value: P256 }]
        : [{ type: number('CKA_MODULUS_BITS'), value: 2048 }]
    const generate = algorithm === 'P-256' ? 'CKM_EC_KEY_PAIR_GEN' : 'CKM_RSA_PKCS_KEY_PAIR_GEN'
    const own = { type: number('CKA_TOKEN'), value: true }
    const sign = { type: number('CKA_SIGN'), value: true }
    module.C_GenerateKeyPair(session, { mechanism: number(generate) }, [own, ...parameters], [own, sign])
  }
  module.C_FindObjectsInit(session, [
    { type: number('CKA_CLASS'), value: number('CKO_PRIVATE_KEY') },
    { type: number('CKA_KEY_TYPE'), value: number(keyType) },
  ])
  const [key] = module.C_FindObjects(session, 1)
  module.C_FindObjectsFinal(session)
  if (key === undefined) throw new Error(`${path} shows no private key of ${algorithm}`)
  const mechanism = { mechanism: number(name) }
  // A digest for ECDSA, which has no hash of its own here; a message for RSA.
  const data = Buffer.from(MESSAGE)
  const room = Buffer.alloc(512)
  return {
    async run() {
      module.C_SignInit(session, mechanism, key)
      module.C_Sign(session, data, room)
    },
    counters: async () => ({}),
    async close() {
      module.C_Finalize()
    },
  }
}
