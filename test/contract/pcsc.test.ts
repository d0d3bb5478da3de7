// takes: 11 s
// The contract of `Card` on the card in a swtpm, in a reader of a real PC/SC.
import { test } from 'uvu'
import { contract } from './contract.ts'

contract('pcsc')
test.run()
