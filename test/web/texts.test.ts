// The texts of the page: complete in every language, none unused, and the browser's languages.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ERROR_CODES } from '../../src/errors.ts'
import { languageOf, TEXTS } from '../../src/web/texts/index.ts'
import { filesBelow, root } from '../runner/jobs.ts'

const sources = filesBelow('src/web', ['.ts'])
  .filter((path) => !path.startsWith('src/web/texts/'))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n')

/** Names that the page makes of a word from elsewhere, as its sources write them. */
const MADE = [...sources.matchAll(/`([a-z]+[.\w-]*)\.?\$\{[^}]*\}([.\w-]*)`/g)].map(
  ([, start = '', end = '']) => new RegExp(`^${start.replaceAll('.', '\\.')}.+${end.replaceAll('.', '\\.')}$`),
)

const unused = (keys: readonly string[], text: string): string[] =>
  keys.filter((key) => !text.includes(`'${key}'`) && !text.includes(`\`${key}\``) && !MADE.some((one) => one.test(key)))

test('every text is used, and has the same blanks in every language', () => {
  const keys = Object.keys(TEXTS.en)
  assert.equal(unused(keys, sources.replace(/^.*\bTITLES\b.*$/gm, '')), [])
  assert.equal(unused(['field.nobody'], sources), ['field.nobody'])
  const blanks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([blank]) => blank).sort()
  for (const [language, texts] of Object.entries(TEXTS)) {
    assert.equal(Object.keys(texts).sort(), [...keys].sort(), language)
    for (const [key, text] of Object.entries(texts)) {
      assert.ok(text.trim().length > 0, `${language}: ${key}`)
      assert.equal(blanks(text), blanks(TEXTS.en[key as keyof typeof TEXTS.en]), `${language}: ${key}`)
    }
  }
  // Nothing was left in English by mistake: what is the same in both is a name.
  const same = keys.filter((key) => TEXTS.ko[key as keyof typeof TEXTS.ko] === TEXTS.en[key as keyof typeof TEXTS.en])
  assert.equal(same, ['pin', 'puk', 'field.puk'])
})

test('every text about an error is about one that there is', () => {
  const codes = Object.keys(TEXTS.en).flatMap((key) => /^error\.(ERR_\w+)$/.exec(key)?.[1] ?? [])
  assert.ok(codes.length > 10)
  assert.equal(
    codes.filter((code) => !(code in ERROR_CODES)),
    [],
  )
})

test('the language is the first that the browser prefers and the page has', () => {
  for (const [accepted, language] of [
    ['', 'en'],
    ['ko', 'ko'],
    ['ko-KR,ko;q=0.9,en-US;q=0.8', 'ko'],
    ['de, en;q=0.5, ko;q=0.7', 'ko'],
    ['en;q=0.8, ko;q=0', 'en'],
    ['fr-CH, *;q=0.5', 'en'],
    ['__proto__, toString', 'en'],
    ['ko;q=x', 'ko'],
  ] as const)
    assert.is(languageOf(accepted), language, accepted)
})

test.run()
