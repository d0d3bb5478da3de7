// Names of key types that other cards have and this program cannot use, so that listings name them instead of skipping.
import type { KeyObject } from 'node:crypto'

/** Algorithm identifiers: SP 800-78-5, table 9, and those of other makers. */
const BY_ID: ReadonlyMap<number, string> = new Map([
  [0x15, 'P-521'],
  [0x22, 'Ed25519'],
  [0x27, 'P-256 for secure messaging'],
  [0x2e, 'P-384 for secure messaging'],
  [0xe0, 'Ed25519'],
  [0xe1, 'X25519'],
])

export const foreignAlgorithm = (id: number): string =>
  BY_ID.get(id) ?? `algorithm ${id.toString(16).padStart(2, '0').toUpperCase()}`

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

/** `RSA-5120`, `P-521`, `Ed25519`. */
export function foreignKind({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const type: string = asymmetricKeyType ?? 'an unknown kind'
  const { modulusLength, namedCurve = '' } = asymmetricKeyDetails ?? {}
  if (type === 'ec') return CURVES[namedCurve] ?? namedCurve
  if (modulusLength !== undefined) return `${type.toUpperCase()}-${modulusLength}`
  return type.replace(
    /^(ed|x)(\d)/,
    (_, letters: string, digit: string) => letters[0]?.toUpperCase() + letters.slice(1) + digit,
  )
}
