// takes: 9 s
// The contract of `Card` on the card in a swtpm.
import { test } from 'uvu'
import { contract } from './contract.ts'

contract('swtpm')
test.run()
