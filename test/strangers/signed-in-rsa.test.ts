// takes: 15 s
// A card with a key RSA-2048: every program is signed in as the same user.
import { test } from 'uvu'
import { signedInTests } from './support/signed-in.ts'

signedInTests('RSA-2048')

test.run()
