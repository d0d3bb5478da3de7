// The primes of RSA keys. A card's keys never leave the TPM; a key that may be duplicated does, and is made by the same code.
import { concat, sha256 } from '../../bytes.ts'
import { decodePublic, keyTemplate } from '../../tpm/codec/public.ts'
import { EMPTY_SIZED, sized, u8, u16, u32, WireReader } from '../../tpm/codec/wire.ts'
import { command, NO_PASSWORD } from '../../tpm/command.ts'
import { ALG, CC, OBJECT, RH, SESSION } from '../../tpm/constants.ts'
import { decodeResponseCode } from '../../tpm/response-code.ts'
import type { Figure } from '../quality/figure.ts'
import { toNumber } from '../quality/numbers.ts'
import { primeFigures } from '../quality/rsa.ts'
import { repeat } from '../timing/repeat.ts'
import { figuring, type TpmOutcome } from './check.ts'
import type { Scratch } from './scratch.ts'

const DUPLICATE = 0x14b
const KEYS = 5
/** PolicyCommandCode(TPM2_Duplicate), the role of duplication: Part 1, 23.3. */
const POLICY = sha256(new Uint8Array(32), u32(CC.PolicyCommandCode), u32(DUPLICATE))
const ATTRIBUTES = OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth | OBJECT.noDA | OBJECT.sign | OBJECT.decrypt

export async function primes(scratch: Scratch): Promise<TpmOutcome> {
  const found: Figure[] = []
  const refusals: string[] = []
  await repeat(scratch.tpm, KEYS, async () => {
    const factors = await exported(scratch)
    if (typeof factors === 'string') refusals.push(factors)
    else found.push(...primeFigures(...factors))
  })
  if (found.length === 0) return { verdict: 'skipped', says: `No key could be exported: ${refusals[0] ?? ''}.` }
  return figuring(`The primes of ${found.length / 2} keys are as long as they should be, and far apart.`, found)
}

/** Both primes of a new key, or why it could not be exported. */
async function exported(scratch: Scratch): Promise<readonly [bigint, bigint] | string> {
  const { device } = scratch
  const parent = await scratch.parent()
  const template = sized(keyTemplate('RSA-2048', ATTRIBUTES, POLICY))
  const made = await device.call(
    command(CC.Create, [parent], [NO_PASSWORD], sized(new Uint8Array(4)), template, EMPTY_SIZED, u32(0)),
  )
  const [privateArea, publicArea] = [sized(made.sized()), sized(made.sized())]
  const loaded = await device.call(command(CC.Load, [parent], [NO_PASSWORD], privateArea, publicArea))
  const handle = loaded.u32()
  try {
    const answer = await device.withSession('policy', undefined, async (session) => {
      await device.run(command(CC.PolicyCommandCode, [session.handle], [], u32(DUPLICATE)))
      // Nothing is authorised by a value, so the HMAC of this session is empty: Part 1, 19.6.
      const auth = concat(u32(session.handle), EMPTY_SIZED, u8(SESSION.continueSession), EMPTY_SIZED)
      const body = concat(u32(handle), u32(RH.NULL), u32(auth.length), auth, EMPTY_SIZED, u16(ALG.NULL))
      return device.transmit(concat(u16(0x8002), u32(10 + body.length), u32(DUPLICATE), body))
    })
    const reader = new WireReader(answer)
    reader.skip(6)
    const code = reader.u32()
    if (code !== 0) return decodeResponseCode(code).name
    reader.u32() // the size of the parameters
    reader.sized() // the key of an inner wrapper
    const p = primeIn(reader.sized())
    const area = decodePublic(publicArea.subarray(2))
    const modulus = area.type === 'rsa' ? toNumber(area.modulus) : 0n
    return p > 0n && modulus % p === 0n ? [p, modulus / p] : 'what it gave is no prime of the key'
  } finally {
    await device.flush(handle)
  }
}

/** TPM2B_SENSITIVE in a duplicate without wrappers: type, authValue, seed, then the first prime. */
function primeIn(duplicate: Uint8Array): bigint {
  const reader = new WireReader(new WireReader(duplicate).sized())
  reader.u16()
  reader.sized()
  reader.sized()
  return toNumber(reader.sized())
}
