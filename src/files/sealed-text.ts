/**
 * Text files that detect damage. The first line is `MAGIC VERSION sha256:HEX`, the rest is one JSON document; HEX is
 * the SHA-256 over its exact octets. Each value has exactly one spelling: an indent of two spaces, sorted members,
 * base64 for octets. The checksum detects accidents and does not protect against an attacker.
 */

import { isUint8Array } from 'node:util/types'
import { hex, sha256, utf8 } from '../bytes.ts'
import { FileError } from '../errors.ts'

export interface Kind {
  /** First word of the file. */
  readonly magic: string
  readonly version: number
  /** The name of such a file in messages. */
  readonly noun: string
  /** What to do about a damaged file. */
  readonly advice: string
}

const checksumOf = (octets: Uint8Array): string => hex(sha256(octets))

/** Octets become base64, members are sorted, undefined members are dropped. */
function plain(value: unknown): unknown {
  if (isUint8Array(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  members.sort(([left], [right]) => (left < right ? -1 : 1))
  return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]))
}

/** The only spelling of `value`. */
export const spell = (value: unknown): string => `${JSON.stringify(plain(value), null, 2)}\n`

export function seal(kind: Kind, value: unknown): Uint8Array {
  const body = utf8(spell(value))
  const head = utf8(`${kind.magic} ${kind.version} sha256:${checksumOf(body)}\n`)
  const whole = new Uint8Array(head.length + body.length)
  whole.set(head)
  whole.set(body, head.length)
  return whole
}

const one = ({ noun }: Kind): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`

/** A FileError ERR_CARD_FILE about the file at `path`. */
export function damaged(kind: Kind, path: string, why: string, cause?: unknown): FileError {
  return new FileError('ERR_CARD_FILE', `${path} cannot be used as ${one(kind)}: ${why}. ${kind.advice}`, {
    cause,
    path,
  })
}

/**
 * The text of the document, if the file is whole and of this kind and version.
 * @throws FileError ERR_CARD_FILE, or ERR_CARD_FILE_NEWER if a later version of Tessera wrote it
 */
export function unseal(kind: Kind, octets: Uint8Array, path: string): string {
  const end = octets.indexOf(0x0a)
  const line = Buffer.from(octets.subarray(0, end < 0 ? 100 : Math.min(end, 100))).toString('latin1')
  const [magic, version = '', checksum, ...more] = line.split(' ')
  if (octets.length === 0) throw damaged(kind, path, 'it is empty')
  if (magic !== kind.magic) throw damaged(kind, path, `it does not begin with '${kind.magic}'`)
  if (/^[1-9][0-9]{0,8}$/.test(version) && Number(version) > kind.version) {
    throw new FileError(
      'ERR_CARD_FILE_NEWER',
      `${path} is ${one(kind)} of version ${version}, and this program knows version ${kind.version} at most. It has not been touched. Update Tessera.`,
      { path },
    )
  }
  if (end < 0 || version !== String(kind.version) || checksum === undefined || more.length > 0) {
    throw damaged(kind, path, 'its first line is damaged')
  }
  const body = octets.subarray(end + 1)
  if (checksum !== `sha256:${checksumOf(body)}`)
    throw damaged(kind, path, 'its checksum is wrong: it is cut short or altered')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch (cause) {
    throw damaged(kind, path, 'it is not UTF-8', cause)
  }
}
