// Addresses of accounts, a UPN or an e-mail address: `maria@lab.example`.
import { hex, sha256 } from '../bytes.ts'
import { UsageError } from '../errors.ts'

/** The UPNs of x509/alternative-names.ts, and `+` for e-mail addresses; at most 254 characters (RFC 5321). */
const ADDRESS = /^[^\s@\p{C}"/\\[\]:;|=,*?<>]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]{0,187}[\p{L}\p{N}])?$/u

/** @throws UsageError ERR_USAGE unless `text` is an address */
export function checkAddress(text: string): string {
  if (typeof text === 'string' && ADDRESS.test(text) && !text.includes('..')) return text
  const shown = JSON.stringify(String(text).slice(0, 80))
  throw new UsageError('ERR_USAGE', `${shown} is not the address of an account. Write it as in maria@example.com.`)
}

/** Lower case: Windows ignores the case of UPNs, and mail servers that of domains. */
export const normalized = (address: string): string => address.normalize('NFC').toLowerCase()

export const sameAddress = (one: string, other: string): boolean => normalized(one) === normalized(other)

const PLAIN = /^[a-z0-9][a-z0-9._+-]*@[a-z0-9.-]+$/
/** The path of a Unix socket has at most 107 octets, of which the home takes most. */
const LONGEST = 48

/** Name of an account's files: the address if it is a valid file name, else 32 hex digits of its hash. */
export function fileNameOf(address: string): string {
  const name = normalized(address)
  if (PLAIN.test(name) && name.length <= LONGEST) return name
  return hex(sha256(name)).slice(0, 32)
}
