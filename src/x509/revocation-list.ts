// Lists of revoked certificates, RFC 5280, 5.1, as a verifier reads them.
import { constants, type KeyObject, verify } from 'node:crypto'
import { hex } from '../bytes.ts'
import { DER, field } from '../iso7816/der.ts'
import { TlvError, TlvReader, unwrap } from '../iso7816/tlv.ts'
import { signatureFacts } from './algorithms.ts'
import { readAlgorithm } from './certificate.ts'
import { readExtensions } from './extensions.ts'
import { Parts } from './parts.ts'
import { NO_TIME, readTime } from './time.ts'

export interface RevocationList {
  /** Name in DER. */
  readonly issuer: Uint8Array
  readonly nextUpdate: Date | undefined
  /** As `Certificate.serialNumber` has them. */
  readonly serialNumbers: ReadonlySet<string>
  /** Whether it says only a part, or something that is not understood. */
  readonly isPartial: boolean
  isSignedBy(key: KeyObject): boolean
}

const TIMES: readonly number[] = [DER.utcTime, DER.generalizedTime]

/** @throws TlvError */
export function readRevocationList(der: Uint8Array): RevocationList {
  const outer = new Parts(unwrap(der, DER.sequence, 'BER'))
  const signed = outer.takeWhole(DER.sequence)
  const algorithm = readAlgorithm(outer.take(DER.sequence))
  const signature = outer.take(DER.bitString).subarray(1)
  outer.end()
  const parts = new Parts(unwrap(signed, DER.sequence, 'BER'))
  parts.takeIf(DER.integer)
  parts.take(DER.sequence)
  const issuer = parts.takeWhole(DER.sequence)
  const [, nextUpdate] = [takeTime(parts), takeTime(parts)]
  const revoked = parts.takeIf(DER.sequence)
  const extensions = parts.takeIf(field(0))
  parts.end()
  const { name, hash } = signatureFacts(algorithm.id, algorithm.parameters)
  return {
    issuer,
    nextUpdate,
    serialNumbers: new Set(revoked === undefined ? [] : serialsIn(revoked)),
    isPartial: extensions !== undefined && readExtensions(extensions).some(({ critical }) => critical),
    isSignedBy(key) {
      const padding = name === 'RSA-PSS' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
      if (hash === undefined || hash === 'SHA-1' || !hash.startsWith('SHA-')) return false
      try {
        return verify(
          hash.replace('-', ''),
          signed,
          key.asymmetricKeyType === 'rsa' ? { key, padding } : key,
          signature,
        )
      } catch {
        return false
      }
    },
  }
}

function takeTime(parts: Parts): Date | undefined {
  for (const tag of TIMES) {
    const value = parts.takeIf(tag)
    if (value === undefined) continue
    const time = readTime({ tag, value })
    if (time === NO_TIME) throw new TlvError('the time of a list of revoked certificates is malformed')
    return time
  }
  return undefined
}

function* serialsIn(revoked: Uint8Array): Iterable<string> {
  const entries = new TlvReader(revoked, 'BER')
  while (entries.next()) {
    const entry = new TlvReader(entries.value, 'BER')
    if (entries.tag !== DER.sequence || !entry.next() || entry.tag !== DER.integer)
      throw new TlvError('an entry of a list of revoked certificates is malformed')
    yield hex(entry.value).replace(/^(00)+(?=..)/, '')
  }
}
