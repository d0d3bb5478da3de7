// takes: 6 s
// The contract of `Card` on a card that is reached by APDUs alone.
import { test } from 'uvu'
import { contract } from './contract.ts'

contract('reader')
test.run()
