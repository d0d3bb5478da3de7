// Times in certificates. RFC 5280, 4.1.2.5 requires seconds and Z; OpenSSL accepts more of X.680, 46 and 47.
import { DER } from '../iso7816/der.ts'
import type { Tlv } from '../iso7816/tlv.ts'

/** Stands for a time that cannot be parsed. */
export const NO_TIME = new Date(0)

const REST = '(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)?(?:[.,]\\d{1,9})?(?:Z|([+-])(\\d\\d)(\\d\\d))'
const FORMS: ReadonlyMap<number, RegExp> = new Map([
  [DER.utcTime, new RegExp(`^(\\d\\d)${REST}$`)],
  [DER.generalizedTime, new RegExp(`^(\\d{4})${REST}$`)],
])

/** To the second. */
export function readTime(time: Tlv | undefined): Date {
  const text = Buffer.from(time?.value ?? []).toString('latin1')
  const found = FORMS.get(time?.tag ?? 0)?.exec(text)
  if (!found) return NO_TIME
  const [, year = '', month, day, hour, minute, second = '00', sign, hours = '00', minutes = '00'] = found
  const full = year.length === 4 ? year : `${Number(year) < 50 ? '20' : '19'}${year}`
  const local = Date.parse(`${full}-${month}-${day}T${hour}:${minute}:${second}Z`)
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
  const date = new Date(local - (sign === '-' ? -offset : offset))
  return Number.isNaN(date.getTime()) ? NO_TIME : date
}
