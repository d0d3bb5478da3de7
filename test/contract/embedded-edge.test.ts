// The 77 assertions about the edge of a card: the card in the embedded TPM.
import { test } from 'uvu'
import { assertions } from './edge-assertions.ts'

assertions('embedded')
test.run()
