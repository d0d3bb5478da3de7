// takes: 15 s
import { test } from 'uvu'
import { handshakeTests } from './support/handshakes.ts'

handshakeTests('embedded')

test.run()
