// The provider of native/provider, which has to be registered in Node's OpenSSL before it can have a key.
import { CardError } from '../errors.ts'
import { native } from '../native.ts'

/** @throws CardError ERR_NO_PROVIDER */
export function requireProvider(): void {
  if (native().registerProvider()) return
  throw new CardError(
    'ERR_NO_PROVIDER',
    "The OpenSSL of this Node.js takes no provider of keys, or its configuration demands other ones (FIPS). Serve the card (tessera serve NAME) and use it by PKCS#11, with OpenSC's module: docs/serve.md.",
  )
}
