// takes: 1 s
// An error on its way from the process in the background to the terminal: it is the same one there.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CaError, FileError, PcscError, PinError, SignInError, TpmError } from '../../src/errors.ts'
import { deserializeError, serializeError } from '../../src/signin/background-messages.ts'

test('errors keep their class, and all that they say', () => {
  const errors = [
    new PinError('ERR_PIN_WRONG', 'wrong', { triesLeft: 2 }),
    new TpmError('ERR_TPM_BUSY', 'busy', { rc: 0x922, command: 'TPM2_Load', layer: 'tpm' }),
    new PcscError('ERR_CARD_REMOVED', 'gone', { rc: 0x80100069, reader: 'a reader', holders: ['scdaemon (1)'] }),
    new FileError('ERR_DISK_FULL', 'full', { path: '/a/file' }),
    new CaError('ERR_CA_REFUSED', 'no', { status: 403, words: 'no' }),
    new SignInError('ERR_SIGN_IN_REFUSED', 'no', { reason: 'revoked', status: 401 }),
  ]
  for (const error of errors) {
    const again = deserializeError(JSON.parse(JSON.stringify(serializeError(error))))
    assert.is(again.constructor, error.constructor)
    assert.equal({ ...again, message: again.message }, { ...error, message: error.message })
  }
  const other = deserializeError(JSON.parse(JSON.stringify(serializeError(new TypeError('odd')))))
  assert.equal([other.constructor, other.message], [Error, 'odd'])
})

test.run()
