// takes: 6 s
// The contract of `Card` on a card in memory.
import { test } from 'uvu'
import { contract } from './contract.ts'

contract('memory')
test.run()
