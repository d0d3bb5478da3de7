// takes: 12 s
// PINs and PUKs that come through PC/SC leave no copy in the process that serves the card: the card listens.
import { test } from 'uvu'
import { lookAt } from './support/memory.ts'

test('no PIN, no PUK, in use and when it is over', () => lookAt('listen'))

test.run()
