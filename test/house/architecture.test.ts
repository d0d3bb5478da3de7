// The imports of src/ follow the arrows of docs/architecture.md; the table is in arrows.ts.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow, root } from '../runner/jobs.ts'
import { besidesReExports, circles, hasRow, importsOf, wrongArrows } from './arrows.ts'
import { treeFiles } from './tree.ts'

const sources = Object.fromEntries(
  filesBelow('src', ['.ts']).map((path) => [path.slice('src/'.length), readFileSync(join(root, path), 'utf8')]),
)

test('src has sources, and every file belongs to a part', () => {
  assert.ok(Object.keys(sources).length > 0)
  assert.equal(
    Object.keys(sources).filter((path) => !hasRow(path)),
    [],
  )
})

test('CONTRIBUTING.md names every folder of src and native', () => {
  const layout = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
  const folders = new Set(treeFiles().flatMap((path) => /^(?:src|native)\/([^/]+)\//.exec(path)?.[1] ?? []))
  assert.ok(folders.size > 20)
  assert.equal(
    [...folders].filter((folder) => !new RegExp(`[ (]${folder}/`).test(layout)),
    [],
  )
})

test('no import runs against the arrows', () => {
  assert.equal(wrongArrows(sources), [])
})

test('no circles', () => {
  assert.equal(circles(sources), [])
})

test('native: no domain includes another, and common/ none', () => {
  const wrong = filesBelow('native', ['.cc', '.h']).flatMap((path) => {
    const [, domain = ''] = path.split('/')
    if (['build', 'build-asan', 'tests', 'witness'].includes(domain)) return []
    const included = [...readFileSync(join(root, path), 'utf8').matchAll(/#include "\.\.\/(\w+)\//g)]
    return included.filter(([, other]) => domain === 'common' || other !== 'common').map(([line]) => `${path}: ${line}`)
  })
  assert.equal(wrong, [])
})

test('the entry points of the package are index.ts of folders, and only re-export', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
  const entries = Object.keys(exports).flatMap((name) => (name.endsWith('.json') ? [] : [join(name, 'index.ts')]))
  assert.equal(entries, [
    'index.ts',
    'enroll/index.ts',
    'attest/index.ts',
    'keys/index.ts',
    'tls/index.ts',
    'signin/index.ts',
    'serve/index.ts',
    'testing/index.ts',
  ])
  for (const name of entries) assert.is(besidesReExports(sources[name] ?? 'not there'), '', name)
})

// The checks themselves: each finds what it is there for.

test('imports of every form are seen', () => {
  const text = `
import a from './a.ts'
import type { B } from './b.ts'
import {
  c,
  d, // why
} from './c.ts'
export * from './e.ts'
export { f } from './f.ts'
import './g.ts'
const h = await import('./h.ts')
// import x from './commented.ts'
export const text = 'from nowhere'
`
  const names = ['./a.ts', './b.ts', './c.ts', './e.ts', './f.ts', './g.ts', './h.ts']
  assert.equal(importsOf(text), names)
})

const forbidden: ReadonlyArray<readonly [string, string, string]> = [
  ['piv/host/card.ts', '../../tpm/vault.ts', 'tpm/vault.ts'],
  ['piv/host/card.ts', '../../native.ts', 'native.ts'],
  ['piv/host/card.ts', '../card/application.ts', 'piv/card/application.ts'],
  ['piv/card/sign.ts', '../../tpm/vault.ts', 'tpm/vault.ts'],
  ['piv/slots.ts', './card/vault.ts', 'piv/card/vault.ts'],
  ['iso7816/tlv.ts', '../piv/slots.ts', 'piv/slots.ts'],
  ['enroll/request.ts', '../tpm/vault.ts', 'tpm/vault.ts'],
  ['enroll/enroll.ts', '../cards/open.ts', 'cards/open.ts'],
  ['enroll/enroll.ts', './station/prepare-card.ts', 'enroll/station/prepare-card.ts'],
  ['serve/vpcd/serve.ts', '../../cards/open.ts', 'cards/open.ts'],
  ['serve/vpcd/serve.ts', '../serve-card.ts', 'serve/serve-card.ts'],
  ['tpm/vault.ts', '../piv/host/card.ts', 'piv/host/card.ts'],
  ['tpm/vault.ts', '../piv/card/application.ts', 'piv/card/application.ts'],
  ['tpm/vault.ts', '../cli/main.ts', 'cli/main.ts'],
  ['cards/open.ts', '../native.ts', 'native.ts'],
  ['cards/open.ts', '../cli/main.ts', 'cli/main.ts'],
  ['cli/main.ts', '../native.ts', 'native.ts'],
  ['tour/main.ts', '../tpm/vault.ts', 'tpm/vault.ts'],
  ['errors.ts', './piv/pin.ts', 'piv/pin.ts'],
  ['stray.ts', './bytes.ts', 'bytes.ts'],
  ['tpm/vault.ts', '../bytes.js', 'bytes.ts'],
  ['tpm/vault.ts', '../missing.ts', 'bytes.ts'],
  ['iso7816/tlv.ts', 'node:fs', 'bytes.ts'],
]

for (const [from, name, target] of forbidden) {
  test(`refused: ${from} imports ${name}`, () => {
    const found = wrongArrows({ [target]: '', [from]: `import { x } from '${name}'` })
    assert.is(found.length, 1, found.join('\n'))
    assert.ok(found[0]?.startsWith(`${from}: `))
  })
}

test('allowed: downwards, within a part, and errors and bytes from everywhere', () => {
  const found = wrongArrows({
    'errors.ts': `import type { Bytes } from './bytes.ts'`,
    'bytes.ts': `import { timingSafeEqual } from 'node:crypto'`,
    'native.ts': '',
    'piv/slots.ts': '',
    'piv/card/vault.ts': `import type { Slot } from '../slots.ts'`,
    'tpm/lock/burn.ts': `import { sha } from '../codec/hash.ts'\nimport native from '../../native.ts'\nimport '../../errors.ts'`,
    'tpm/codec/hash.ts': `import type { KeyVault } from '../../piv/card/vault.ts'`,
    'piv/host/card.ts': `import { slots } from '../slots.ts'`,
    'cards/open.ts': `import { burn } from '../tpm/lock/burn.ts'\nimport { Card } from '../piv/host/card.ts'`,
    'cli/main.ts': `import * as cards from '../cards/open.ts'`,
    'tour/main.ts': `import * as cards from '../cards/open.ts'`,
    'enroll/station/prepare-card.ts': `import * as cards from '../../cards/open.ts'`,
    'enroll/index.ts': `export { prepareCard } from './station/prepare-card.ts'`,
  })
  assert.equal(found, [])
})

test('a circle is found, also through three files', () => {
  const found = circles({
    'tpm/a.ts': `import './b.ts'`,
    'tpm/b.ts': `import { type C, c } from './c.ts'`,
    'tpm/c.ts': `import './a.ts'\nimport type { B } from './b.ts'`,
  })
  assert.equal(found, ['tpm/a.ts -> tpm/b.ts -> tpm/c.ts -> tpm/a.ts'])
})

test('index.ts with a value of its own is found', () => {
  const reExports = `// words\nexport { a, b } from './cards.ts'\nexport type { C } from './errors.ts'\nexport * from './x.ts'\n`
  assert.is(besidesReExports(reExports), '')
  assert.is(besidesReExports(`${reExports}export const version = 1\n`), 'export const version = 1')
  assert.ok(besidesReExports(`import { a } from './cards.ts'\nexport { a }`).length > 0)
})

test.run()
