// Tables with names in any script, on terminals of any width.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { columns, rows, table } from '../../src/cli/layout.ts'
import { plain } from '../../src/cli/plain.ts'
import { cut, padded, widthOf } from '../../src/cli/width.ts'

const widths: ReadonlyArray<readonly [text: string, width: number]> = [
  ['', 0],
  ['Maria', 5],
  ['Jürgen', 6],
  ['Jürgen', 6],
  ['김마리아', 8],
  ['한', 2],
  ['山田 太郎', 9],
  ['ｶﾅ', 2],
  ['ＡＢ', 4],
  ['张伟', 4],
  ['Ω', 1],
  ['🔑', 2],
  ['a\u200bb', 2],
]
for (const [text, width] of widths) test(`width ${width}: ${text}`, () => assert.is(widthOf(text), width))

test('cut: never wider than it may be, and no half characters', () => {
  assert.is(cut('Maria', 5), 'Maria')
  assert.is(cut('Maria', 4), 'Mar…')
  assert.is(cut('김마리아', 8), '김마리아')
  assert.is(cut('김마리아', 6), '김마…')
  assert.is(cut('🔑🔑🔑', 4), '🔑…')
  assert.is(padded('김', 4), '김  ')
  assert.is(widthOf(plain('김'.repeat(100))), 59)
})

const HEAD = ['NAME', 'STATE', 'WHERE']
const LINES = [
  ['김마리아', 'ready', 'device:/dev/tpmrm0'],
  ['desk', 'PIN blocked', '-'],
]
const WIDE = `NAME      STATE        WHERE
김마리아  ready        device:/dev/tpmrm0
desk      PIN blocked  -`

test('a table stands in columns, whatever the script', () => {
  assert.is(table(HEAD, LINES), WIDE)
  assert.is(table(HEAD, LINES, 80), WIDE)
  assert.is(table(HEAD, LINES, 41), WIDE)
})

test('a table that is wider than the terminal becomes blocks, in which nothing is lost', () => {
  assert.is(
    table(HEAD, LINES, 40),
    `NAME:  김마리아
STATE: ready
WHERE: device:/dev/tpmrm0

NAME:  desk
STATE: PIN blocked
WHERE: -`.replaceAll(/^(\w+:) +/gm, (_, name: string) => name.padEnd(7)),
  )
})

test('a last column of sentences is wrapped at spaces, a narrow one is not', () => {
  const lines = [
    ['ok', 'TPM', 'It is there and answers, and its owner password is empty'],
    ['missing', 'pcscd', 'no'],
  ]
  assert.is(
    columns(lines, 42),
    `ok       TPM    It is there and answers,
                and its owner password is
                empty
missing  pcscd  no`,
  )
  assert.is(columns(lines, 30), columns(lines))
  assert.is(columns([['a', 'x'.repeat(60)]], 40), `a  ${'x'.repeat(60)}`)
})

test('lines with names: a line end in a value ends nothing', () => {
  assert.is(
    rows([
      ['Card', 'a\nb'],
      ['', 'c'],
    ]),
    'Card: a?b\n      c',
  )
})

test.run()
