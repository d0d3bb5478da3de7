// takes: 15 s
// A card with a key P-256: every program is signed in as the same user.
import { test } from 'uvu'
import { signedInTests } from './support/signed-in.ts'

signedInTests('P-256')

test.run()
