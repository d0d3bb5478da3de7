// takes: 4 s
import { test } from 'uvu'
import { signingTests } from './support/signing.ts'

signingTests('pcsc', ['P-256', 'RSA-2048'])

test.run()
