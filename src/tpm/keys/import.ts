// Bringing a private key in, always inside an outer wrapper to the SRK: it never crosses to the TPM in clear.
// TPM 2.0 Library, Part 1, 23.3 (duplication) and B.10.3, C.6.3 (seeds).
import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { concat, leftPad, utf8, wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { ALGORITHMS, type Algorithm } from '../../piv/algorithms.ts'
import type { PinPolicy } from '../../piv/slots.ts'
import { decodePublic, keyTemplate, objectName, publicKeyOf } from '../codec/public.ts'
import { EMPTY_SIZED, sized, u16, u32 } from '../codec/wire.ts'
import { command } from '../command.ts'
import { ALG } from '../constants.ts'
import type { TpmDevice } from '../device.ts'
import type { Srk } from '../srk.ts'
import type { CardFileKey } from '../store/card-file.ts'
import { asSrk, keyAttributes, unsupported } from './create.ts'

const LABEL = concat(utf8('DUPLICATE'), new Uint8Array(1))

/**
 * Imports a private key (PKCS#8, DER) under the SRK.
 * @throws CardError ERR_DATA for anything but an RSA or EC private key, ERR_NOT_SUPPORTED for another size or curve
 */
export async function importKey(
  device: TpmDevice,
  srk: Srk,
  pkcs8: Uint8Array,
  pinPolicy: PinPolicy,
  authPolicy: Uint8Array,
): Promise<CardFileKey> {
  const { algorithm, unique, secret } = readPrivateKey(pkcs8)
  const template = keyTemplate(algorithm, keyAttributes(pinPolicy, 'imported'), authPolicy, unique)
  const type = ALGORITHMS[algorithm].kind === 'ec' ? ALG.ECC : ALG.RSA
  // TPM2B_SENSITIVE in pieces, so that there is no copy but the one that is wiped.
  const pieces = [u16(type), EMPTY_SIZED, EMPTY_SIZED, u16(secret.length), secret]
  const sensitive = concat(u16(8 + secret.length), ...pieces)
  try {
    const { duplicate, seed } = wrap(sensitive, objectName(template), srk)
    const params = [EMPTY_SIZED, sized(template), sized(duplicate), sized(seed), u16(ALG.NULL)]
    const answer = await asSrk(device, srk, (auth) => command('Import', [srk], [auth], ...params))
    const privateArea = sized(answer.sized())
    return { algorithm, pinPolicy, origin: 'imported', public: sized(template), private: privateArea }
  } catch (error) {
    throw unsupported(algorithm, error)
  } finally {
    wipe(secret, sensitive)
  }
}

/** The parts of a key that TPMT_PUBLIC and TPMT_SENSITIVE want: a point and a number, or a modulus and one prime. */
function readPrivateKey(pkcs8: Uint8Array) {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  } catch (cause) {
    throw new CardError('ERR_DATA', 'This is not a private key in PKCS#8. Convert it: openssl pkcs8 -topk8 -nocrypt.', {
      cause,
    })
  }
  const jwk = key.export({ format: 'jwk' })
  const bytes = (text: string | undefined) => Uint8Array.from(Buffer.from(text ?? '', 'base64url'))
  if (jwk.kty === 'EC' && (jwk.crv === 'P-256' || jwk.crv === 'P-384')) {
    const { octets } = ALGORITHMS[jwk.crv]
    const pad = (text: string | undefined) => leftPad(bytes(text), octets)
    return { algorithm: jwk.crv as Algorithm, unique: { x: pad(jwk.x), y: pad(jwk.y) }, secret: pad(jwk.d) }
  }
  const modulus = bytes(jwk.n)
  const algorithm = `RSA-${modulus.length * 8}`
  if (jwk.kty === 'RSA' && algorithm in ALGORITHMS && jwk.e === 'AQAB') {
    return { algorithm: algorithm as Algorithm, unique: { modulus }, secret: leftPad(bytes(jwk.p), modulus.length / 2) }
  }
  throw new CardError(
    'ERR_NOT_SUPPORTED',
    `Only keys of ${Object.keys(ALGORITHMS).join(', ')} (exponent 65537) can be imported.`,
  )
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
  const peer = publicKeyOf(storage)
  if (storage.type === 'rsa') {
    const value = Uint8Array.from(randomBytes(32))
    const options = {
      key: peer,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha256',
      oaepLabel: Buffer.from(LABEL),
    }
    return { value, encrypted: Uint8Array.from(publicEncrypt(options, value)) }
  }
  const own = generateKeyPairSync('ec', { namedCurve: storage.curve.jwk })
  const jwk = own.publicKey.export({ format: 'jwk' })
  const pad = (text = '') => leftPad(Uint8Array.from(Buffer.from(text, 'base64url')), storage.curve.octets)
  const [x, y] = [pad(jwk.x), pad(jwk.y)]
  const z = diffieHellman({ privateKey: own.privateKey, publicKey: peer })
  // KDFe, Part 1, 11.4.10.3: one block of SHA-256.
  const value = createHash('sha256').update(u32(1)).update(z).update(LABEL).update(x).update(storage.x).digest()
  z.fill(0)
  return { value: Uint8Array.from(value), encrypted: concat(sized(x), sized(y)) }
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
