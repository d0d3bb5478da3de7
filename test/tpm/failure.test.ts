// What the native layer rejects with becomes a typed error; every word that it uses has a meaning here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, ERROR_CODES, type ErrorCode, PinError, TpmError } from '../../src/errors.ts'
import { fromNative, isLoss, isStale, responseOf } from '../../src/tpm/failure.ts'
import { filesBelow, root } from '../runner/jobs.ts'

const failure = (layer: string, reason = '', rc = 0, command?: string): Error =>
  Object.assign(new Error('What happened, why, and what to do.'), {
    layer,
    reason,
    rc,
    ...(command ? { command } : {}),
  })

function mapped(error: Error): CardError {
  const result = fromNative(error)
  assert.ok(result instanceof CardError)
  return result
}

const WORDS: ReadonlyArray<readonly [layer: string, reason: string, code: ErrorCode]> = [
  ['tcti', 'absent', 'ERR_TPM_ABSENT'],
  ['tcti', 'permission', 'ERR_TPM_PERMISSION'],
  ['tcti', 'busy', 'ERR_TPM_BUSY'],
  ['tcti', 'gone', 'ERR_TPM_GONE'],
  ['tcti', 'timeout', 'ERR_TPM_TIMEOUT'],
  ['tcti', 'answer', 'ERR_TPM_ANSWER'],
  ['tcti', 'usage', 'ERR_TCTI'],
  ['session', 'forged', 'ERR_TPM_TAMPERED'],
  ['session', 'gone', 'ERR_TPM_GONE'],
  ['session', 'usage', 'ERR_TPM_SRK'],
  ['library', 'missing', 'ERR_TPM_LIBRARY'],
  ['state', 'absent', 'ERR_TPM_STATE_ABSENT'],
  ['state', 'permission', 'ERR_TPM_PERMISSION'],
  ['state', 'corrupt', 'ERR_TPM_STATE'],
  ['state', 'newer', 'ERR_TPM_STATE'],
  ['state', 'full', 'ERR_TPM_STATE'],
  ['state', 'io', 'ERR_TPM_STATE'],
  ['closed', '', 'ERR_CARD_CLOSED'],
]

test('each word of the native layer', () => {
  for (const [layer, reason, code] of WORDS) {
    const native = failure(layer, reason, 0xa000a)
    const error = mapped(native)
    assert.is(error.code, code, `${layer} ${reason}`)
    assert.is(error.message, native.message, 'its text says what to do already')
    assert.is(error.cause, native)
    if (error instanceof TpmError) assert.equal([error.layer, error.rc, responseOf(error)], [layer, 0xa000a, undefined])
  }
})

test('no word of the native layer is without a meaning', () => {
  const words = new Map<string, string>()
  for (const path of filesBelow('native/tpm', ['.cc', '.h'])) {
    const text = readFileSync(join(root, path), 'utf8')
    for (const [, layer = '', reason = ''] of text.matchAll(/Layer::k(\w+),[^;"]{0,40}?"(\w*)",/g)) {
      words.set(`${layer.toLowerCase()} ${reason}`, path)
    }
    // functions that fill in the layer
    for (const [, reason = ''] of text.matchAll(/\bfailure\((?:\w+, )?"(\w+)",/g)) words.set(`tcti ${reason}`, path)
  }
  assert.ok(words.size >= 12, [...words.keys()].join(', '))
  for (const [word, path] of words) {
    const [layer = '', reason = ''] = word.split(' ')
    // Calls that the native layer does not understand are mistakes in src/tpm.
    if (layer === 'sapi') continue
    // No descriptor left for an event, and a resource manager that gives a code of its own: no errors of their own.
    if (word === 'tcti io' || word === 'tcti ') continue
    // Of another layer: faults.ts in src/tpm/store knows these.
    if (path.includes('file_lock')) continue
    assert.is.not(mapped(failure(layer, reason, layer === 'tpm' ? 0x101 : 0)).code, 'ERR_TPM', `${word} in ${path}`)
  }
})

test('TPM response codes: the code, the command, the name and what it is about', () => {
  const table: ReadonlyArray<readonly [number, ErrorCode, RegExp]> = [
    [0x921, 'ERR_TPM_LOCKOUT', /tpm2_dictionarylockout/],
    [0x14b, 'ERR_TPM_NV_FULL', /tessera destroy/],
    [0x903, 'ERR_TPM_MEMORY', /tpm2_flushcontext/],
    [0x905, 'ERR_TPM_MEMORY', /tpm2_flushcontext/],
    [0x101, 'ERR_TPM_FAILURE', /Restart/],
    [0x9a2, 'ERR_TPM', /TPM_RC_BAD_AUTH \(0x9a2\) about session 1/],
    [0x17e, 'ERR_TPM', /0x17e/],
  ]
  for (const [rc, code, message] of table) {
    const error = mapped(failure('tpm', '', rc, 'NV_DefineSpace'))
    assert.ok(error instanceof TpmError)
    assert.equal([error.code, error.rc, error.command, error.layer], [code, rc, 'NV_DefineSpace', 'tpm'])
    assert.match(error.message, /^TPM2_NV_DefineSpace answered TPM_RC_/)
    assert.match(error.message, message)
  }
  assert.match(mapped(failure('tpm', '', 0x921)).message, /^The TPM answered/)
})

test('what is not of the native layer passes unchanged', () => {
  const typed = [
    new PinError('ERR_PIN_WRONG', 'z'),
    new TpmError('ERR_TPM_LIBRARY', 'a'),
    mapped(failure('tcti', 'gone')),
  ]
  for (const error of [new Error('x'), new TypeError('y'), ...typed, 'text', undefined]) {
    assert.is(fromNative(error), error)
  }
})

test('after which errors all that was loaded is gone', () => {
  const lost: readonly ErrorCode[] = [
    'ERR_TPM_GONE',
    'ERR_TPM_TIMEOUT',
    'ERR_TPM_STATE',
    'ERR_TPM_STATE_ABSENT',
    'ERR_TPM_ANSWER',
    'ERR_TPM_TAMPERED',
    'ERR_TPM_MEMORY',
  ]
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    assert.is(isLoss(new CardError(code, '')), lost.includes(code), code)
  }
  assert.not(isLoss(new Error('ERR_TPM_GONE')))
})

test('after which answers a handle of ours is gone', () => {
  for (const rc of [0x18b, 0x28b, 0x910, 0x911, 0x918, 0x919]) assert.ok(isStale(mapped(failure('tpm', '', rc))))
  for (const rc of [0x101, 0x12f, 0x98e, 0x921, 0x902]) assert.not(isStale(mapped(failure('tpm', '', rc))))
  assert.not(isStale(mapped(failure('tcti', 'gone'))))
})

test.run()
