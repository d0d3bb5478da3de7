// takes: 8 s
import { test } from 'uvu'
import { handshakeTests } from './support/handshakes.ts'

handshakeTests('swtpm', ({ algorithm, sigalgs }) => algorithm !== 'RSA-2048' && sigalgs === undefined)

test.run()
