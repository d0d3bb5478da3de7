// Every @example in the comments of src/ passes the type checker, with what the package exports and a few names that the
// examples leave to the reader.
// takes: 5 s
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow, root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'

interface Example {
  /** `src/piv/host/card.ts:43`. */
  readonly place: string
  readonly text: string
}

/** What stands after `@example`, up to the next tag or the end of the comment. */
function examplesIn(path: string, source: string): Example[] {
  return [...source.matchAll(/\/\*\*(?:[^*]|\*(?!\/))*\*\//g)].flatMap((comment) => {
    const plain = comment[0].slice(3, -2).replace(/^[ \t]*\* ?/gm, '')
    const tags = plain.split(/^[ \t]*@(?=[a-z]+\b)/m).filter((tag) => /^example\s/.test(tag))
    return tags.map((tag) => ({
      place: `${path}:${source.slice(0, comment.index).split('\n').length}`,
      text: tag
        .slice('example'.length)
        .replace(/^```(?:ts)?$/gm, '')
        .trim(),
    }))
  })
}

const examples = filesBelow('src', ['.ts']).flatMap((path) => examplesIn(path, readFileSync(join(root, path), 'utf8')))

/** What an example may use without saying where it comes from. */
const reader = `
declare const card: import('tessera-card').Card
declare const message: Uint8Array
declare const [pin, pem, password, adminKey]: [string, string, Uint8Array, Uint8Array]
declare const [evidence, labCa, nonce]: [string, Uint8Array, Uint8Array]
declare const ask: (reason: string) => Promise<string>
declare const askPin: (asked: { reason: string }) => Promise<string>
`

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
const entries = Object.keys(exports).filter((name) => !name.endsWith('.json'))

/** Imports of all values that the entry points export; the first that has a name is where it comes from. */
async function imports(): Promise<string> {
  const seen = new Set<string>()
  const lines = []
  for (const entry of entries) {
    const name = `tessera-card${entry.slice(1)}`
    const names = Object.keys((await import(name)) as object).filter((one) => !seen.has(one))
    for (const one of names) seen.add(one)
    lines.push(`import { ${names.join(', ')} } from '${name}'`)
  }
  return ["import * as https from 'node:https'", ...lines].join('\n')
}

/** What the type checker says of each, by where it stands. */
async function check(all: readonly Example[]): Promise<string[]> {
  const folder = tempDir('examples')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/tessera-card'))
  symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'))
  const head = `${await imports()}\n${reader}`
  for (const [at, { text }] of all.entries()) {
    const session = /\bsession = /.test(text) ? '' : 'declare const session: Awaited<ReturnType<typeof signIn>>\n'
    writeFileSync(join(folder, `e${at}.mts`), `${head}${session}{\n${text}\n}\nexport {}\n`)
  }
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    skipLibCheck: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }))
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
    cwd: folder,
  })
  return `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^e(\d+)\.mts\(\d+,\d+\)/, (_, at: string) => all[Number(at)]?.place ?? line))
}

test('every example compiles', async () => {
  assert.ok(examples.length >= 8, `${examples.length} examples`)
  assert.equal(await check(examples), [])
})

test('one that does not is found, with its place', async () => {
  const source = '\n/**\n * Words.\n * @example\n * await openCard(1)\n * @throws nothing\n */\n'
  const [example, ...more] = examplesIn('a.ts', source)
  assert.equal([example, more], [{ place: 'a.ts:2', text: 'await openCard(1)' }, []])
  assert.match((await check([example as Example])).join(), /^a\.ts:2: error TS(2345|2769)/)
})

test.run()
