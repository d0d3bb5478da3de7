// Private-key operations: the command for each, and how to read its answer.
import { ECDH } from 'node:crypto'
import { concat, leftPad, space } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import type { NativeAuth, NativeCommand } from '../../native.ts'
import { ALGORITHMS, type Algorithm } from '../../piv/algorithms.ts'
import type { Entity } from '../codec/nv.ts'
import { decodePublic } from '../codec/public.ts'
import { EMPTY_SIZED, malformed, sized, u16, u32, WireReader } from '../codec/wire.ts'
import { ALG, CC, RH, ST } from '../constants.ts'

/** One private-key operation of a key whose numbers have `octets` octets. */
export interface KeyOperation {
  /** One of CC. */
  readonly command: number
  readonly params: Uint8Array
  readonly octets: number
  readonly read: (answer: Uint8Array, octets: number) => Uint8Array
}

/** No ticket: the digest was not made by the TPM. Part 2, 10.7.6. */
const NOT_HASHED_HERE = concat(u16(ST.HASHCHECK), u32(RH.NULL), EMPTY_SIZED)
/** The parameters after a digest, by its length. Here the hash is chosen by length alone: that of the curve. */
const AFTER_DIGEST = new Map([
  [32, concat(u16(ALG.ECDSA), u16(ALG.SHA256), NOT_HASHED_HERE)],
  [48, concat(u16(ALG.ECDSA), u16(ALG.SHA384), NOT_HASHED_HERE)],
])
/** The raw operation: no scheme, no label. */
const AFTER_BLOCK = concat(u16(ALG.NULL), EMPTY_SIZED)

/**
 * ECDSA. A digest shorter than the curve is padded with zeros on the left, which does not change the number. Of a longer
 * one the host sends the leftmost bits (FIPS 186-5, 6.4), so nothing is cut off here.
 * @throws CardError ERR_DATA
 */
export function signDigest(algorithm: Algorithm, digest: Uint8Array): KeyOperation {
  const { octets } = kindOf(algorithm, 'ec')
  const after = AFTER_DIGEST.get(octets)
  if (digest.length === 0 || digest.length > octets || after === undefined) {
    throw new CardError(
      'ERR_DATA',
      `A digest of ${digest.length} octets cannot be signed with ${algorithm}. Use 1 to ${octets}.`,
    )
  }
  const params = space(2 + octets + after.length)
  params[1] = octets
  params.set(digest, 2 + octets - digest.length)
  params.set(after, 2 + octets)
  return { command: CC.Sign, params, octets, read: readSignature }
}

/**
 * Copies the next number of an answer, padded with zeros on the left to `octets` octets that end at `end`. Always a copy:
 * answers are overwritten.
 */
function copyNumber(reader: WireReader, answer: Uint8Array, target: Uint8Array, end: number, octets: number): void {
  const length = reader.u16()
  if (length > octets) throw malformed('holds a number that is too long')
  const start = reader.skip(length)
  for (let at = 0; at < length; at += 1) target[end - length + at] = answer[start + at] ?? 0
}

/** TPMT_SIGNATURE as r || s. */
function readSignature(answer: Uint8Array, octets: number): Uint8Array {
  const reader = new WireReader(answer)
  reader.skip(4) // algorithm and hash
  const signature = space(2 * octets)
  copyNumber(reader, answer, signature, octets, octets)
  copyNumber(reader, answer, signature, 2 * octets, octets)
  reader.end()
  return signature
}

/**
 * The raw RSA private operation (TPM2_RSA_Decrypt with scheme TPM_ALG_NULL). PIV sends blocks already padded.
 * @throws CardError ERR_DATA: the length and the value are checked here, since a TPM answers TPM_RC_FAILURE to them
 */
export function rawRsa(algorithm: Algorithm, publicArea: Uint8Array, block: Uint8Array): KeyOperation {
  const { octets } = kindOf(algorithm, 'rsa')
  const key = decodePublic(publicArea)
  if (block.length !== octets || key.type !== 'rsa' || !below(block, key.modulus)) {
    throw new CardError('ERR_DATA', `An RSA block for this key has ${octets} octets and is a number below its modulus.`)
  }
  const params = concat(u16(octets), block, AFTER_BLOCK)
  return { command: CC.RSA_Decrypt, params, octets, read: readMessage }
}

function readMessage(answer: Uint8Array, octets: number): Uint8Array {
  const reader = new WireReader(answer)
  const message = space(octets)
  copyNumber(reader, answer, message, octets, octets)
  reader.end()
  return message
}

/**
 * ECDH: the x coordinate of the shared point. `point` is 04 || X || Y.
 * @throws CardError ERR_DATA when it is not a point of the curve
 */
export function agree(algorithm: Algorithm, point: Uint8Array): KeyOperation {
  const { octets, curve } = kindOf(algorithm, 'ec')
  if (point[0] !== 0x04 || point.length !== 1 + 2 * octets || !onCurve(curve, point)) {
    throw new CardError(
      'ERR_DATA',
      `The other side's key is not a point of ${algorithm} (04, X, Y of ${octets} octets each).`,
    )
  }
  const params = sized(concat(sized(point.subarray(1, 1 + octets)), sized(point.subarray(1 + octets))))
  return { command: CC.ECDH_ZGen, params, octets, read: readPoint }
}

/** TPM2B_ECC_POINT: its x. */
function readPoint(answer: Uint8Array, octets: number): Uint8Array {
  const reader = new WireReader(answer)
  reader.u16() // the size of both numbers
  const x = space(octets)
  copyNumber(reader, answer, x, octets, octets)
  reader.skip(reader.u16())
  reader.end()
  return x
}

/** As `command`, but allocates no further arrays. */
export const keyCommand = ({ command, params }: KeyOperation, key: Entity, auth: NativeAuth): NativeCommand => ({
  command,
  handles: [key.handle],
  names: [key.name],
  auths: [auth],
  params,
})

type Row<Kind> = Extract<(typeof ALGORITHMS)[Algorithm], { readonly kind: Kind }>

function kindOf<Kind extends 'ec' | 'rsa'>(algorithm: Algorithm, kind: Kind): Row<Kind> {
  const row = ALGORITHMS[algorithm]
  if (row.kind === kind) return row as Row<Kind>
  throw new CardError('ERR_NOT_SUPPORTED', `A key of ${algorithm} cannot do this. Use a key of another kind.`)
}

function below(block: Uint8Array, modulus: Uint8Array): boolean {
  return Buffer.compare(leftPad(block, modulus.length), modulus) < 0
}

function onCurve(curve: string, point: Uint8Array): boolean {
  try {
    ECDH.convertKey(point, curve)
    return true
  } catch {
    return false
  }
}
