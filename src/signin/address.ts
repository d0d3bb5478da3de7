// Addresses of accounts: `maria@lab.example`, as a UPN or an e-mail address has it.
import { hex, sha256 } from '../bytes.ts'
import { UsageError } from '../errors.ts'

/** As x509/alternative-names.ts has UPNs, and `+`, which e-mail addresses have; 254 in all, as RFC 5321 has room for. */
const ADDRESS = /^[^\s@\p{C}"/\\[\]:;|=,*?<>]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]{0,187}[\p{L}\p{N}])?$/u

/** @throws UsageError ERR_USAGE unless `text` is an address */
export function checkAddress(text: string): string {
  if (typeof text === 'string' && ADDRESS.test(text) && !text.includes('..')) return text
  const shown = JSON.stringify(String(text).slice(0, 80))
  throw new UsageError('ERR_USAGE', `${shown} is no address of an account. Write it as in maria@example.com.`)
}

/** The same address whatever its case: Windows compares UPNs so, and mail servers domains. */
export const normalized = (address: string): string => address.normalize('NFC').toLowerCase()

export const sameAddress = (one: string, other: string): boolean => normalized(one) === normalized(other)

const PLAIN = /^[a-z0-9][a-z0-9._+-]*@[a-z0-9.-]+$/
/** The path of a Unix socket has room for 107 octets, of which the home takes most. */
const LONGEST = 48

/** What files about an account are called: the address where a file may be called so, else 32 hex digits of its hash. */
export function fileNameOf(address: string): string {
  const name = normalized(address)
  if (PLAIN.test(name) && name.length <= LONGEST) return name
  return hex(sha256(name)).slice(0, 32)
}
