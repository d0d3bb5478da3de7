// Keys of cards for WebCrypto: which algorithms a key serves, and what it may be used for there.
import { KeyObject, type webcrypto } from 'node:crypto'
import { CardError, UsageError } from '../errors.ts'
import { CARD_ALGORITHMS, type CardAlgorithm } from '../piv/algorithms.ts'
import { notExportable } from './not-exportable.ts'

/** As WebCrypto names algorithms of keys. The curve is the key's own. */
export type KeyAlgorithm = string | { readonly name: string; readonly hash?: string | { readonly name: string } }

interface Row {
  readonly kind: 'ec' | 'rsa'
  readonly usages: readonly webcrypto.KeyUsage[]
  /** The first version of Node whose WebCrypto asks the provider. */
  readonly since?: number
}

const NODE = Number.parseInt(process.versions.node, 10)

const WEB_ALGORITHMS: Readonly<Record<string, Row>> = {
  ECDSA: { kind: 'ec', usages: ['sign'] },
  'RSASSA-PKCS1-v1_5': { kind: 'rsa', usages: ['sign'] },
  'RSA-PSS': { kind: 'rsa', usages: ['sign'] },
  'RSA-OAEP': { kind: 'rsa', usages: ['decrypt', 'unwrapKey'] },
  // Before, it wants the private half itself, of OpenSSL's keys of old.
  ECDH: { kind: 'ec', usages: ['deriveBits', 'deriveKey'], since: 24 },
}

/** @throws UsageError ERR_ALGORITHM; CardError ERR_NOT_SUPPORTED */
export async function importCryptoKey(
  own: CardAlgorithm,
  der: Uint8Array,
  wanted: KeyAlgorithm,
): Promise<webcrypto.CryptoKey> {
  const { name, hash = 'SHA-256' } = typeof wanted === 'string' ? { name: wanted } : wanted
  const { kind } = CARD_ALGORITHMS[own]
  const [found, row] =
    Object.entries(WEB_ALGORITHMS).find(([known, row]) => equalNames(known, name) && row.kind === kind) ?? []
  if (found === undefined || row === undefined) throw notFor(own, String(name))
  if (NODE < (row.since ?? 0)) {
    throw new CardError(
      'ERR_NOT_SUPPORTED',
      `${found} with a key of a card needs Node ${row.since} or later. Here card.deriveSecret does the same.`,
    )
  }
  const parameters = kind === 'ec' ? { name: found, namedCurve: own } : { name: found, hash }
  const key = await crypto.subtle.importKey('pkcs8', der as Uint8Array<ArrayBuffer>, parameters, false, [...row.usages])
  // Later ones have no such way, and refuse the export by themselves.
  if (NODE < 24) notExportable(KeyObject.from(key))
  return key
}

/** WebCrypto's names are the same in any case. */
const equalNames = (known: string, name: unknown): boolean => known.toLowerCase() === String(name).toLowerCase()

function notFor(own: CardAlgorithm, name: string): UsageError {
  const names = Object.keys(WEB_ALGORITHMS).filter((known) => WEB_ALGORITHMS[known]?.kind === CARD_ALGORITHMS[own].kind)
  return new UsageError('ERR_ALGORITHM', `A key of ${own} is not for ${name.slice(0, 40)}. Use ${names.join(' or ')}.`)
}
