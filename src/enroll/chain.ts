// Which of several certificates is for a key, and its issuers, from the nearest upwards.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { equal } from '../bytes.ts'
import { issued } from '../x509/path.ts'

export interface Ordered {
  /** Undefined: no certificate is for the key. */
  readonly leaf: Uint8Array | undefined
  readonly chain: readonly Uint8Array[]
  /** How many certificates are unrelated. */
  readonly others: number
}

/** Longest chain that is followed; a real one has three or four. */
const LONGEST = 10

/** `certificates` in DER, in any order, all of them well-formed. */
export function orderFor(key: KeyObject, certificates: readonly Uint8Array[]): Ordered {
  const all = certificates.map((der) => ({ der, x509: new X509Certificate(der) }))
  // Of several for one key the newest is the one that expires last.
  const [leaf] = all
    .filter(({ x509 }) => isFor(x509, key))
    .sort((left, right) => Date.parse(right.x509.validTo) - Date.parse(left.x509.validTo))
  if (leaf === undefined) return { leaf: undefined, chain: [], others: all.length }
  const chain: typeof all = []
  let below = leaf
  while (chain.length < LONGEST && !issued(below.x509, below.x509)) {
    const issuer = all.find(({ x509, der }) => issued(below.x509, x509) && !chain.some((one) => equal(one.der, der)))
    if (issuer === undefined) break
    chain.push(issuer)
    below = issuer
  }
  const used = [leaf, ...chain]
  const others = all.filter(({ der }) => !used.some((one) => equal(one.der, der))).length
  return { leaf: leaf.der, chain: chain.map(({ der }) => der), others }
}

/** Whether a certificate is for a public key. */
export function isFor(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.publicKey.equals(key)
  } catch {
    return false // a type of key that is not supported
  }
}
