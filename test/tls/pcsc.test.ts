// The TPM card in a reader of a real PC/SC.
// takes: 15 s
import { test } from 'uvu'
import { handshakeTests } from './support/handshakes.ts'

handshakeTests('pcsc', ({ sigalgs }) => sigalgs === undefined)

test.run()
