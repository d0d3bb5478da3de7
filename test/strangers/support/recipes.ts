// Pages of docs/recipes: their programs, in a project of somebody else, and their commands, as they stand.
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { root } from '../../runner/jobs.ts'
import { commandsOf, runPage } from './page.ts'
import { newProject, type Project } from './project.ts'
import { run, type Said } from './tools.ts'

const PROGRAMS = join(root, 'examples/recipes')
const programs = Object.fromEntries(
  readdirSync(PROGRAMS).map((name) => [name, readFileSync(join(PROGRAMS, name), 'utf8')]),
)
const { devDependencies } = JSON.parse(readFileSync(join(root, 'test/strangers/packages/package.json'), 'utf8')) as {
  devDependencies: Record<string, string>
}
const COMPILER = {
  target: 'es2022',
  module: 'nodenext',
  lib: ['es2022', 'esnext.disposable'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
}

/** Their libraries are those that programs import by name. */
function librariesIn(texts: readonly string[]): string[] {
  const imported = texts.flatMap((text) => [...text.matchAll(/^import .*?'([^']+)'/gm)].map(([, name = '']) => name))
  return [...new Set(imported)].filter((name) => name in devDependencies)
}

export interface Recipes extends Project {
  /** Runs the commands of a page of docs/recipes, in the project in which those of docs/recipes/README.md ran. */
  page(name: string, change?: (command: string) => string): Promise<Said>
}

/** @param files beside the programs, by their names */
export async function recipes(files: Readonly<Record<string, string>> = {}): Promise<Recipes> {
  const settings = {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ compilerOptions: COMPILER, include: ['*.ts'] }),
  }
  const project = newProject({ ...settings, ...programs, ...files }, librariesIn(Object.values(programs)))
  const modules = join(project.folder, 'node_modules')
  for (const name of ['tsx', '@types/node', 'undici-types']) {
    mkdirSync(join(modules, name, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  mkdirSync(join(modules, '.bin'))
  symlinkSync(join(root, 'node_modules/.bin/tsx'), join(modules, '.bin/tsx'))
  const home = join(project.folder, 'home')
  const runHere = (commands: readonly string[]) => runPage(commands, { home }, project.folder)
  await runHere(commandsOf('docs/recipes/README.md'))
  return {
    ...project,
    page: (name, change = (command) => command) => runHere(commandsOf(name).map(change)),
  }
}

/** What the type checker says of all programs. */
export const typeErrors = async ({ folder }: Project): Promise<string> =>
  (await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder])).stdout

/** Each program is shown whole on a page, and each piece of TypeScript on a page is such a program. */
export function assertShown(): void {
  const folder = join(root, 'docs/recipes')
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  const shown = texts.flatMap((text) => [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block))
  assert.equal(shown.sort(), Object.values(programs).sort())
}
