// takes: 12 s
// PINs and PUKs that come as PKCS #11 leave no copy in the process that serves the card.
import { test } from 'uvu'
import { lookAt } from '../../serve/support/memory.ts'

test('no PIN, no PUK, in use and when it is over', () => lookAt('pkcs11'))

test.run()
