// takes: 8 s
// The 77 assertions about the edge of a card: the card in a swtpm, by libpcsclite and a socket of our own.
import { test } from 'uvu'
import { assertions } from './edge-assertions.ts'

assertions('socket')
test.run()
