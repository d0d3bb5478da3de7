// takes: 9 s
// The contract of `Card` on the card in the embedded TPM.
import { test } from 'uvu'
import { contract } from './contract.ts'

contract('embedded')
test.run()
