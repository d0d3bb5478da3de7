// CVE-2023-1017 and CVE-2023-1018: the reference code read, and wrote, two octets past the end of a command whose first
// parameter was to be decrypted. Errata 1.4 for the TPM 2.0 Library, revision 1.59, 2.6.1.
import { createHmac } from 'node:crypto'
import { concat, sha256 } from '../../bytes.ts'
import { EMPTY, EMPTY_SIZED, sized, u8, u16, u32, WireReader } from '../../tpm/codec/wire.ts'
import { ALG, CC, RH, SESSION } from '../../tpm/constants.ts'
import type { TpmDevice } from '../../tpm/devices.ts'
import { decodeResponseCode } from '../../tpm/response-code.ts'
import type { TpmOutcome } from './check.ts'

const STIR_RANDOM = 0x146
const TAG = { noSessions: 0x8001, sessions: 0x8002 } as const
const NONCE = new Uint8Array(16)

/**
 * Sends a command that ends before the size of its encrypted parameter. It is safe: a TPM with the fault reads the two
 * octets of an earlier command there, which are 0, and so decrypts nothing; and no size above 0 passes its own check.
 */
export async function probeParameterDecryption(device: TpmDevice): Promise<TpmOutcome> {
  const zeros = await send(device, TAG.noSessions, STIR_RANDOM, sized(new Uint8Array(128)))
  if (zeros.code !== 0) {
    return { verdict: 'skipped', says: `TPM2_StirRandom answered ${decodeResponseCode(zeros.code).name}.` }
  }
  const start = [u32(RH.NULL), u32(RH.NULL), sized(NONCE), EMPTY_SIZED, u8(0), u16(ALG.AES), u16(128), u16(ALG.CFB)]
  const session = await send(device, TAG.noSessions, CC.StartAuthSession, ...start, u16(ALG.SHA256))
  if (session.code !== 0) return { verdict: 'skipped', says: 'The TPM starts no session without a salt.' }
  const reader = new WireReader(session.rest)
  const handle = reader.u32()
  try {
    await send(device, TAG.noSessions, STIR_RANDOM, sized(new Uint8Array(128)))
    const attributes = u8(SESSION.continueSession | SESSION.decrypt)
    const hmac = createHmac('sha256', EMPTY).update(sha256(u32(STIR_RANDOM)))
    hmac.update(NONCE).update(reader.sized()).update(attributes)
    const auth = concat(u32(handle), sized(NONCE), attributes, sized(Uint8Array.from(hmac.digest())))
    const { code } = await send(device, TAG.sessions, STIR_RANDOM, u32(auth.length), auth)
    return verdictOn(code)
  } finally {
    await device.flush(handle)
  }
}

function verdictOn(code: number): TpmOutcome {
  const { name, position } = decodeResponseCode(code)
  const facts = { answer: `0x${code.toString(16)}`, name, about: position ?? '' }
  if (position?.startsWith('session') === true) {
    return { verdict: 'pass', says: 'It refuses the command before it decrypts anything.', facts }
  }
  const says =
    'It looked at the parameter and not at its length first, as the reference code did that has the fault. Other code may answer so without having it: ask the maker about this firmware.'
  return { verdict: 'fail', says, facts }
}

async function send(device: TpmDevice, tag: number, code: number, ...parts: readonly Uint8Array[]) {
  const body = concat(...parts)
  const answer = await device.transmit(concat(u16(tag), u32(10 + body.length), u32(code), body))
  return { code: new WireReader(answer.subarray(6, 10)).u32(), rest: answer.subarray(10) }
}
