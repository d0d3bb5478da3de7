// What a person types, octet by octet.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LineEditor, MOST, type Typed } from '../../src/cli/line-editor.ts'

/** Types `keys`; returns how it ended, what stands in the line, and what was echoed. */
function type(keys: string): { typed: Typed; line: string; echoed: string; rest: string } {
  const editor = new LineEditor()
  const octets = Buffer.from(keys)
  let typed: Typed = 'more'
  let echoed = ''
  let used = 0
  while (typed === 'more' && used < octets.length) {
    typed = editor.push(octets[used++] ?? 0, (what) => {
      echoed += 'octet' in what ? String.fromCharCode(what.octet) : '<'.repeat(what.erased)
    })
  }
  return { typed, line: Buffer.from(editor.take()).toString(), echoed, rest: octets.subarray(used).toString() }
}

const cases: ReadonlyArray<readonly [string, string, Typed, string]> = [
  ['a line', '123456\r', 'done', '123456'],
  ['a line feed ends it too', '123456\n', 'done', '123456'],
  ['an empty line', '\r', 'done', ''],
  ['not yet ended', '123', 'more', '123'],
  ['backspace', '12\x7f3\x7f\x7f\x7f\x7f45\r', 'done', '45'],
  ['the other backspace', '12\x083\r', 'done', '13'],
  ['Ctrl-U', '1234\x1556\r', 'done', '56'],
  ['a character of several octets goes as one', 'a\u00e4\u20ac\x7f\x7fb\r', 'done', 'ab'],
  ['Ctrl-C', '12\x03', 'interrupted', '12'],
  ['Ctrl-D on an empty line', '\x04', 'ended', ''],
  ['Ctrl-D after something is nothing', '12\x0434\r', 'done', '1234'],
  ['arrow keys are swallowed', '1\x1b[D2\x1b[1;5C3\x1bOP4\r', 'done', '123P4'],
  ['other control characters are swallowed', '1\t\x01\x002\r', 'done', '12'],
]
for (const [what, keys, typed, line] of cases) {
  test(what, () => {
    const result = type(keys)
    assert.is(result.typed, typed)
    assert.is(result.line, line)
  })
}

test('what is echoed, where it is', () => assert.is(type('ab\x7fc\r').echoed, 'ab<c'))
test('a wide character takes two columns with it', () => assert.match(type('a한\x7f\r').echoed, /^a[^<]+<<$/))

test('nothing is taken after the end', () => assert.is(type('one\rtwo\r').rest, 'two\r'))

test('more than fits is noticed, and nothing is written behind the end', () => {
  const editor = new LineEditor()
  for (let index = 0; index < MOST; index++) editor.push(0x61)
  assert.not(editor.overflow)
  editor.push(0x61)
  assert.ok(editor.overflow)
  assert.is(editor.take().length, MOST)
})

test('wiped, it holds nothing; what was taken is a copy', () => {
  const editor = new LineEditor()
  editor.push(0x31)
  const taken = editor.take()
  editor.wipe()
  assert.is(editor.take().length, 0)
  assert.equal([...taken], [0x31])
  assert.is(taken.buffer.byteLength, 1)
})

test.run()
