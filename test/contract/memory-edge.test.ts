// The 77 assertions about the edge of a card: a card in memory.
import { test } from 'uvu'
import { assertions } from './edge-assertions.ts'

assertions('memory')
test.run()
