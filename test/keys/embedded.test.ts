// takes: 3 s
import { test } from 'uvu'
import { signingTests } from './support/signing.ts'

signingTests('embedded', ['P-256', 'P-384', 'RSA-2048', 'RSA-3072'])

test.run()
