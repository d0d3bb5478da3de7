// Whether this Node's TLS can sign with the key of a card.
import { native } from '../native.ts'
import type { Finding } from './finding.ts'

/** Does what `cardAgent` does first: the provider belongs to this process alone, and has no key yet. */
export function tls(): Finding {
  const what = "TLS with a card's key"
  const openssl = `OpenSSL ${process.versions.openssl} of this Node.js`
  if (native().registerProvider()) return { what, state: 'ok', detail: `${openssl} takes the card's keys` }
  const advice =
    'cardAgent, cardKey and signing in by certificate need that (ERR_NO_PROVIDER). Sign in by --method challenge, or serve the card (tessera serve NAME) and use it by PKCS#11: docs/tls.md.'
  return { what, state: 'warning', detail: `${openssl} does not take the card's keys`, advice }
}
