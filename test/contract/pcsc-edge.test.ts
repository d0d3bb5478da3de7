// takes: 8 s
// The 77 assertions about the edge of a card: the card in a swtpm, in a reader of a real PC/SC.
import { test } from 'uvu'
import { assertions } from './edge-assertions.ts'

assertions('pcsc')
test.run()
