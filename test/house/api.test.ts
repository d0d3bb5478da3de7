// docs/api.md is what `npm run docs` makes of the declarations in dist/, and has every export of every entry point.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'

const document = readFileSync(join(root, 'docs/api.md'), 'utf8')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { import?: { default: string } }>
}

test('it is that of the source: npm run docs', async () => {
  const { apiDocument } = (await import(join(root, 'scripts/api.mjs'))) as { apiDocument: () => string }
  assert.ok(apiDocument() === document, 'docs/api.md is old. Run: npm run docs')
})

/** What it says of one export: up to the next heading. */
function sectionOf(name: string): string {
  const [, text = ''] = document.split(`\n### ${name}\n`)
  return text.split(/^#{1,3} /m)[0] ?? ''
}

test('the section of one ends where the next begins', () => {
  assert.ok(sectionOf('Card').includes('verifyPin'))
  assert.not(sectionOf('createCard').includes('verifyPin('))
})

test('every value that an entry point exports, and every member of the classes, is in it', async () => {
  for (const way of Object.values(exports)) {
    if (way.import === undefined) continue
    const all = (await import(join(root, way.import.default))) as Record<string, unknown>
    for (const [name, value] of Object.entries(all)) {
      assert.ok(document.includes(`\n### ${name}\n`), name)
      if (typeof value !== 'function' || value.prototype === undefined) continue
      const text = sectionOf(name)
      for (const member of Object.getOwnPropertyNames(value.prototype))
        assert.ok(member === 'constructor' || text.includes(member), `${name}.${member}`)
    }
  }
})

test.run()
