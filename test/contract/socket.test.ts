// takes: 11 s
// The contract of `Card` on the card in a swtpm, by libpcsclite and a socket of our own.
import { test } from 'uvu'
import { contract } from './contract.ts'

contract('socket')
test.run()
