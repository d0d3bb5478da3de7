// What a program of somebody else gets: every piece of TypeScript in the documents passes the strict checker, as an ES module
// and as CommonJS, with the types of the packages checked too, and without those of browsers. Every entry point has its
// types and its functions both ways.
// takes: 20 s
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('types')
mkdirSync(join(folder, 'node_modules'))
symlinkSync(root, join(folder, 'node_modules/tessera-card'))
symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'))

/** What the documents leave to the reader. */
const reader = `import type { PinRequest } from 'tessera-card'
declare global {
  const askPin: (asked: PinRequest) => Promise<string>
  const askPerson: (reason: string) => Promise<string>
}
`
const options = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  target: 'es2022',
  lib: ['es2022', 'esnext.disposable'],
  types: ['node'],
  skipLibCheck: false,
}

const documents = ['README.md', ...readdirSync(join(root, 'docs'), { encoding: 'utf8' }).map((name) => `docs/${name}`)]
const pieces = documents
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) =>
    [...readFileSync(join(root, name), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(
      ([, text = ''], index) => [`${name.replace(/\W/g, '-')}-${index + 1}`, text] as const,
    ),
  )

function check(files: ReadonlyArray<readonly [string, string]>, module = 'nodenext'): string {
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...options, module }, files: files.map(([name]) => name) }),
  )
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  return `${stdout}${stderr}`
}

test('what the documents show, as ES modules', () => {
  assert.ok(pieces.length >= 3, `${pieces.length} pieces`)
  assert.is(check([['reader.mts', reader], ...pieces.map(([name, text]) => [`${name}.mts`, text] as const)]), '')
})

test('the same from CommonJS', () => {
  const wrapped = pieces.map(([name, text]) => {
    const imports = text.match(/^import .*$/gm) ?? []
    const rest = text.replace(/^import .*$/gm, '')
    return [`${name}.cts`, `${imports.join('\n')}\nexport async function main() {\n${rest}}\n`] as const
  })
  assert.is(check([['reader.mts', reader], ...wrapped]), '')
})

/** A function and a type of each entry point. */
const ENTRIES: ReadonlyArray<readonly [string, string, string]> = [
  ['tessera-card', 'openCard', 'Card'],
  ['tessera-card/enroll', 'enroll', 'EnrollResult'],
  ['tessera-card/attest', 'verifyAttestation', 'Verdict'],
  ['tessera-card/keys', 'cardKey', 'CardKey'],
  ['tessera-card/tls', 'cardAgent', 'CardAgent'],
  ['tessera-card/signin', 'signIn', 'Session'],
  ['tessera-card/serve', 'serveCard', 'Served'],
]

for (const module of ['node16', 'nodenext']) {
  test(`every entry point, as an ES module and as CommonJS, under ${module}`, () => {
    const text = ENTRIES.map(
      ([name, value, type]) =>
        `import { ${value}, type ${type} } from '${name}'\nexport const with${type}: (it: ${type}) => unknown = ${value}.call\n`,
    ).join('')
    assert.is(
      check(
        [
          ['entries.mts', text],
          ['entries.cts', text],
        ],
        module,
      ),
      '',
    )
  })
}

test('every entry point has the same by import and by require', () => {
  const script = `const differ = []
    for (const name of ${JSON.stringify(ENTRIES.map(([name]) => name))}) {
      const [one, other] = [require(name), await import(name)]
      for (const key of Object.keys(other)) if (one[key] !== other[key]) differ.push(name + ' ' + key)
      if (Object.keys(other).length === 0) differ.push(name)
    }
    console.log(JSON.stringify(differ))`
  writeFileSync(join(folder, 'same.cjs'), `void (async () => { ${script} })()`)
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'same.cjs')], { encoding: 'utf8' })
  assert.is(stdout, '[]\n', stderr)
})

test('what a program gets that has signed in shows nothing of the inside', () => {
  const keys = `import type { Session } from 'tessera-card/signin'
type Inside = Extract<keyof Session, 'socket' | 'open' | 'atEnd' | 'atLast' | 'end'>
export const none: [Inside] extends [never] ? true : false = true
`
  assert.is(check([['inside.mts', keys]]), '')
})

test('a wrong type is found', () => {
  assert.match(check([['wrong.mts', `import { openCard } from 'tessera-card'\nopenCard(1)\n`]]), /TS2769|TS2345/)
})

test.run()
