// The endorsement keys of a TPM, and the certificates that its maker put into its NV.
import { X509Certificate } from 'node:crypto'
import { equal } from '../../bytes.ts'
import { TpmError } from '../../errors.ts'
import { decodeNvPublic, type Entity } from '../codec/nv.ts'
import { objectName } from '../codec/public.ts'
import { EMPTY, u16, u32 } from '../codec/wire.ts'
import { command, NO_PASSWORD } from '../command.ts'
import { CAP, CC, NV, RH } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import { responseOf } from '../failure.ts'
import { usedIndices } from '../lock/nv.ts'
import { isFor } from './attestation-key.ts'
import { EK_TEMPLATES, UNCERTIFIED } from './ek-templates.ts'
import type { EndorsementKey } from './index.ts'
import { creationOf } from './statements.ts'

/** Persistent objects of the endorsement hierarchy (Registry of Reserved TPM 2.0 Handles, 2.3.1). */
const PERSISTENT_FIRST = 0x81010000
const PERSISTENT_LAST = 0x8101ffff
/** Every TPM reads as many octets of an index at once. */
const NV_PART = 512

/** Those with a certificate that can be read; of a TPM without one its P-256 key. */
export async function endorsementKeys(device: TpmDevice): Promise<readonly EndorsementKey[]> {
  const used = await usedIndices(device)
  const found: EndorsementKey[] = []
  for (const { index } of EK_TEMPLATES) {
    const certificate = used.has(index) ? await readCertificate(device, index) : undefined
    if (certificate === undefined) continue
    const area = await findKey(device, async (ek) => (isFor(certificate, ek.area) ? ek.area : undefined))
    if (area !== undefined) found.push({ public: area, certificate })
  }
  if (found.length > 0) return found
  return [{ public: await withPrimary(device, UNCERTIFIED.template, async ({ area }) => area) }]
}

/** Runs `work` while the endorsement key with this TPMT_PUBLIC is in the TPM. @throws TpmError ERR_TPM */
export async function withEndorsementKey<T>(
  device: TpmDevice,
  area: Uint8Array,
  work: (ek: Entity) => Promise<T>,
): Promise<T> {
  const done = await findKey(device, async (ek) =>
    equal(ek.area, area) ? { result: await work({ handle: ek.handle, name: objectName(area) }) } : undefined,
  )
  if (done !== undefined) return done.result
  throw new TpmError(
    'ERR_TPM',
    'This TPM does not have that endorsement key. Ask it which ones it has, and have the credential encrypted for one of them.',
  )
}

interface LoadedEk {
  readonly handle: number
  readonly area: Uint8Array
}

/** The first result of `look` at a persistent endorsement key, then at those that the templates make. */
async function findKey<T>(device: TpmDevice, look: (ek: LoadedEk) => Promise<T | undefined>): Promise<T | undefined> {
  for (const handle of await persistent(device)) {
    const area = (await device.call(command(CC.ReadPublic, [handle], []))).sized()
    const found = await look({ handle, area })
    if (found !== undefined) return found
  }
  for (const { template } of EK_TEMPLATES) {
    const found = await withPrimary(device, template, look).catch(unlessUnsupported)
    if (found !== undefined) return found
  }
  return undefined
}

async function persistent(device: TpmDevice): Promise<readonly number[]> {
  const params = [u32(CAP.HANDLES), u32(PERSISTENT_FIRST), u32(64)]
  const answer = await device.call(command(CC.GetCapability, [], [], ...params))
  answer.skip(5)
  const handles = Array.from({ length: answer.u32() }, () => answer.u32())
  return handles.filter((handle) => handle <= PERSISTENT_LAST)
}

async function withPrimary<T>(device: TpmDevice, template: Uint8Array, work: (ek: LoadedEk) => Promise<T>): Promise<T> {
  const create = command(CC.CreatePrimary, [RH.ENDORSEMENT], [NO_PASSWORD], ...creationOf(template))
  const made = await device.keys
    .makingRoom(() => device.call(create))
    .catch((error: unknown) => {
      throw endorsementRefusal(error)
    })
  const handle = made.u32()
  try {
    return await work({ handle, area: made.sized() })
  } finally {
    await device.flush(handle).catch(() => undefined)
  }
}

/** A TPM without the algorithm of a template does not have that key. */
function unlessUnsupported(error: unknown): undefined {
  if (UNSUPPORTED.has(responseOf(error) ?? '')) return undefined
  throw error
}
const UNSUPPORTED = new Set(['CURVE', 'VALUE', 'KEY_SIZE', 'ASYMMETRIC', 'TYPE', 'HASH', 'SYMMETRIC', 'SIZE'])

/** The certificate at `index`, without what fills up the index; undefined where there is none, or it cannot be read. */
async function readCertificate(device: TpmDevice, handle: number): Promise<Uint8Array | undefined> {
  const [answer = EMPTY] = await device.run(command(CC.NV_ReadPublic, [handle], []))
  const { nv, name } = decodeNvPublic(answer)
  const index: Entity = { handle, name }
  const byIndex = (nv.attributes & NV.AUTHREAD) !== 0
  if ((nv.attributes & NV.WRITTEN) === 0 || !(byIndex || nv.attributes & NV.OWNERREAD)) return undefined
  const whole = new Uint8Array(nv.dataSize)
  for (let at = 0; at < whole.length; at += NV_PART) {
    const size = Math.min(NV_PART, whole.length - at)
    const targets = [byIndex ? index : RH.OWNER, index]
    whole.set((await device.call(command(CC.NV_Read, targets, [NO_PASSWORD], u16(size), u16(at)))).sized(), at)
  }
  try {
    return Uint8Array.from(new X509Certificate(whole).raw)
  } catch {
    return undefined
  }
}

/** The error for a refused authorisation of the endorsement hierarchy; other errors pass unchanged. */
export function endorsementRefusal(error: unknown): unknown {
  const response = responseOf(error)
  if (response !== 'BAD_AUTH' && response !== 'AUTH_FAIL') return error
  return new TpmError(
    'ERR_TPM_OWNER_AUTH',
    'The endorsement hierarchy of the TPM has a password, so its endorsement key cannot be used here. Remove that password for as long as the attestation key is being certified.',
    { cause: error },
  )
}
