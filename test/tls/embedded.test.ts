// takes: 5 s
import { test } from 'uvu'
import { handshakeTests } from './support/handshakes.ts'

handshakeTests('embedded')

test.run()
