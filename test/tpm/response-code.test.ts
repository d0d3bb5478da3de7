// TPM response codes against the header of tpm2-tss and against the decoder of tpm2-tools.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeResponseCode } from '../../src/tpm/response-code.ts'

const HEADER = '/usr/include/tss2/tss2_tpm2_types.h'
/** Not codes that a TPM answers with: bases, masks, TPM 1.2, and those marked as not used. */
const NO_CODES =
  /^(SUCCESS|BAD_TAG|VER1|PRIVATE|HMAC|MAX_FM0|FMT1|WARN|NOT_USED|N_MASK|MAX|SEQUENCE_?.*_BASE|[HPS]|[0-9A-F])$/

/** TPM2_RC_* of the header: name to number. */
function codes(): Map<string, number> {
  const found = new Map<string, number>()
  const lines = readFileSync(HEADER, 'latin1').matchAll(
    /^#define TPM2_RC_(\w+)\s+\(\(TPM2_RC\)\s*(?:\(?TPM2_RC_(\w+) \+ )?(0x[0-9a-f]+)\)?\)/gim,
  )
  for (const [, name = '', base, number = ''] of lines) {
    found.set(name, (base === undefined ? 0 : (found.get(base) ?? Number.NaN)) + Number(number))
  }
  return found
}

const known = [...codes()].filter(([name]) => !NO_CODES.test(name))
const isFormatOne = (rc: number): boolean => (rc & 0x80) !== 0

test('every code of the specification has its name', () => {
  assert.ok(known.length > 80, `${known.length} codes`)
  for (const [name, rc] of known) assert.is(decodeResponseCode(rc).name, name, rc.toString(16))
})

test('a code about a handle, a parameter or a session says which', () => {
  for (const [name, rc] of known.filter(([, code]) => isFormatOne(code))) {
    assert.equal(decodeResponseCode(rc), { name, position: undefined })
    for (let n = 1; n <= 7; n += 1) {
      assert.equal(decodeResponseCode(rc | (n << 8)), { name, position: `handle ${n}` })
      assert.equal(decodeResponseCode(rc | 0x800 | (n << 8)), { name, position: `session ${n}` })
    }
    for (let n = 1; n <= 15; n += 1) {
      assert.equal(decodeResponseCode(rc | 0x040 | (n << 8)), { name, position: `parameter ${n}` })
    }
  }
  for (const [name, rc] of known.filter(([name]) => name.startsWith('REFERENCE_'))) {
    const [kind, n] = [name.includes('_H') ? 'handle' : 'session', Number(name.at(-1)) + 1]
    assert.equal(decodeResponseCode(rc), { name, position: `${kind} ${n}` })
  }
})

test('the codes that decide what a card does', () => {
  const table = {
    '98e': ['AUTH_FAIL', 'session 1'],
    '9a2': ['BAD_AUTH', 'session 1'],
    '12f': ['AUTH_UNAVAILABLE', undefined],
    '18b': ['HANDLE', 'handle 1'],
    '921': ['LOCKOUT', undefined],
    '902': ['OBJECT_MEMORY', undefined],
    '903': ['SESSION_MEMORY', undefined],
    '14b': ['NV_SPACE', undefined],
    '99d': ['POLICY_FAIL', 'session 1'],
    '1e3': ['EXPIRED', 'parameter 1'],
    '5e0': ['TICKET', 'parameter 5'],
    '2c2': ['ATTRIBUTES', 'parameter 2'],
    '910': ['REFERENCE_H0', 'handle 1'],
    '918': ['REFERENCE_S0', 'session 1'],
    '101': ['FAILURE', undefined],
  }
  for (const [rc, [name, position]] of Object.entries(table)) {
    assert.equal(decodeResponseCode(Number.parseInt(rc, 16)), { name, position }, rc)
  }
})

test('no code is without a name, whatever a TPM answers', () => {
  for (let rc = 0; rc <= 0xffff; rc += 1) assert.match(decodeResponseCode(rc).name, /^(\w+|0x[0-9a-f]+)$/)
  assert.is(decodeResponseCode(0x17e).name, '0x17e')
})

test('tpm2_rc_decode names them in the same way', () => {
  const some = [0x98e, 0x9a2, 0x12f, 0x18b, 0x921, 0x902, 0x14b, 0x99d, 0x5e0, 0x2c2, 0x1d5, 0xa8e, 0x916]
  for (const rc of some) {
    const said = execFileSync('tpm2_rc_decode', [`0x${rc.toString(16)}`], { encoding: 'utf8' })
    const { position = '' } = decodeResponseCode(rc)
    const [kind, n] = position.split(' ')
    // It counts REFERENCE_H6 as a warning without a position.
    if (isFormatOne(rc)) assert.match(said, `${kind}(${n})`, said)
  }
})

test.run()
