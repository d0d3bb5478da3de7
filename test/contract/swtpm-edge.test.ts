// The 77 assertions about the edge of a card: the card in a swtpm.
import { test } from 'uvu'
import { assertions } from './edge-assertions.ts'

assertions('swtpm')
test.run()
