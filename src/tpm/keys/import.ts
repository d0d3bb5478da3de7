// Importing a private key, always inside an outer wrapper to the SRK: it is never sent to the TPM in clear.
// TPM 2.0 Library, Part 1, 23.3 (duplication) and B.10.3, C.6.3 (seeds).
import { constants, createCipheriv, createECDH, createHmac, publicEncrypt, randomBytes } from 'node:crypto'
import { concat, sha256, utf8, wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { ALGORITHMS, type Algorithm } from '../../piv/algorithms.ts'
import { type PrivateKeyParts, publicKeyOf } from '../../piv/private-key.ts'
import type { PublicKey } from '../../piv/public-key.ts'
import type { PinPolicy } from '../../piv/slots.ts'
import { publicKeyOf as asKeyObject, decodePublic, keyTemplate, objectName } from '../codec/public.ts'
import { EMPTY_SIZED, sized, u16, u32 } from '../codec/wire.ts'
import { command } from '../command.ts'
import { ALG, CC } from '../constants.ts'
import type { TpmDevice } from '../devices.ts'
import type { Srk } from '../srk.ts'
import type { CardFileKey } from '../store/card-file.ts'
import { asSrk, keyAttributes, unsupported } from './create.ts'

const LABEL = concat(utf8('DUPLICATE'), new Uint8Array(1))
const UNCOMPRESSED = Uint8Array.of(0x04)

interface PrivateKey {
  readonly algorithm: Algorithm
  /** The caller wipes them. */
  readonly parts: PrivateKeyParts
}

/** Imports a private key under the SRK. @throws CardError ERR_DATA where its parts are no key of the algorithm */
export async function importKey(
  device: TpmDevice,
  srk: Srk,
  { algorithm, parts }: PrivateKey,
  pinPolicy: PinPolicy,
  authPolicy: Uint8Array,
): Promise<CardFileKey> {
  const unique = uniqueOf(publicKeyOf(algorithm, parts))
  const template = keyTemplate(algorithm, keyAttributes({ pinPolicy, origin: 'imported' }), authPolicy, unique)
  const [type, secret] = 'scalar' in parts ? [ALG.ECC, parts.scalar] : [ALG.RSA, parts.p]
  // TPM2B_SENSITIVE in pieces, so that the only copy is the one that is wiped.
  const pieces = [u16(type), EMPTY_SIZED, EMPTY_SIZED, u16(secret.length), secret]
  const sensitive = concat(u16(8 + secret.length), ...pieces)
  try {
    const { duplicate, seed } = wrap(sensitive, objectName(template), srk)
    const params = [EMPTY_SIZED, sized(template), sized(duplicate), sized(seed), u16(ALG.NULL)]
    const answer = await asSrk(device, srk, (auth) => command(CC.Import, [srk], [auth], ...params))
    const privateArea = sized(answer.sized())
    return { algorithm, pinPolicy, origin: 'imported', public: sized(template), private: privateArea }
  } catch (error) {
    throw unsupported(algorithm, error)
  } finally {
    wipe(sensitive)
  }
}

/** The field `unique` of TPMT_PUBLIC: a point, or a modulus. */
function uniqueOf(key: PublicKey | undefined) {
  if (key === undefined) throw new CardError('ERR_DATA', 'These numbers are not a private key of this algorithm.')
  return 'point' in key ? coordinates(key.point) : { modulus: key.modulus }
}

/** The coordinates of an uncompressed point, 04 || X || Y. */
function coordinates(point: Uint8Array): { readonly x: Uint8Array; readonly y: Uint8Array } {
  const middle = (point.length + 1) / 2
  return { x: point.slice(1, middle), y: point.slice(middle) }
}

/** Outer wrapper: encrypted and authenticated under a seed that only the SRK can recover. Part 1, 23.3.2.3. */
function wrap(sensitive: Uint8Array, name: Uint8Array, srk: Srk): { duplicate: Uint8Array; seed: Uint8Array } {
  const { value, encrypted } = seedFor(srk)
  const cipherKey = kdfa(value, 'STORAGE', name, 128)
  const macKey = kdfa(value, 'INTEGRITY', new Uint8Array(0), 256)
  try {
    const cipher = createCipheriv('aes-128-cfb', cipherKey, Buffer.alloc(16))
    const hidden = concat(cipher.update(sensitive), cipher.final())
    const integrity = createHmac('sha256', macKey).update(hidden).update(name).digest()
    return { duplicate: concat(sized(integrity), hidden), seed: encrypted }
  } finally {
    wipe(value, cipherKey, macKey)
  }
}

function seedFor(srk: Srk): { value: Uint8Array; encrypted: Uint8Array } {
  const storage = decodePublic(srk.area)
  if (storage.type === 'rsa') {
    const value = Uint8Array.from(randomBytes(32))
    const options = {
      key: asKeyObject(storage),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha256',
      oaepLabel: Buffer.from(LABEL),
    }
    return { value, encrypted: Uint8Array.from(publicEncrypt(options, value)) }
  }
  const own = createECDH(ALGORITHMS[storage.curve.algorithm].curve)
  const { x, y } = coordinates(own.generateKeys())
  const z = own.computeSecret(concat(UNCOMPRESSED, storage.x, storage.y))
  // KDFe, Part 1, 11.4.10.3: one block of SHA-256.
  const value = sha256(u32(1), z, LABEL, x, storage.x)
  z.fill(0)
  return { value, encrypted: concat(sized(x), sized(y)) }
}

/** KDFa of at most one block, Part 1, 11.4.10.2. */
function kdfa(key: Uint8Array, label: string, context: Uint8Array, bits: 128 | 256): Uint8Array {
  const mac = createHmac('sha256', key)
    .update(u32(1))
    .update(label)
    .update(new Uint8Array(1))
    .update(context)
    .update(u32(bits))
  return Uint8Array.from(mac.digest().subarray(0, bits / 8))
}
