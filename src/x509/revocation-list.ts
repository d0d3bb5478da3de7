// Lists of revoked certificates, RFC 5280, 5.1, as a verifier reads them.
import type { KeyObject } from 'node:crypto'
import { hex } from '../bytes.ts'
import { DER, field } from '../iso7816/der.ts'
import { TlvError, TlvReader } from '../iso7816/tlv.ts'
import { readExtensions } from './extensions.ts'
import { Parts } from './parts.ts'
import { readSigned } from './signed.ts'
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
  const { content, isSignedBy } = readSigned(der)
  const parts = new Parts(content)
  parts.takeIf(DER.integer)
  parts.take(DER.sequence)
  const issuer = parts.takeWhole(DER.sequence)
  const [, nextUpdate] = [takeTime(parts), takeTime(parts)]
  const revoked = parts.takeIf(DER.sequence)
  const extensions = parts.takeIf(field(0))
  parts.end()
  return {
    issuer,
    nextUpdate,
    serialNumbers: new Set(revoked === undefined ? [] : serialsIn(revoked)),
    isPartial: extensions !== undefined && readExtensions(extensions).some(({ critical }) => critical),
    isSignedBy,
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
