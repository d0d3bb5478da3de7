// takes: 6 s
// The contract of `Card` on a PIV card of another maker, which has no instruction but NIST's.
import { test } from 'uvu'
import { contract } from './contract.ts'

contract('plain')
test.run()
