// A project of somebody else who installed the package: node_modules with what it ships, what that needs, and the packages
// of others that the tests run (test/strangers/packages).
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../../runner/jobs.ts'
import { tempDir } from '../../support/temp.ts'
import { type RunOptions, run, type Said } from './tools.ts'

const OTHERS = join(root, 'test/strangers/packages/node_modules')
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}
/** The addon is where it was built: it is no part of what npm packs. */
const SHIPPED = ['package.json', 'require', 'dist', 'native/build/Release/tessera.node']

export interface Project {
  readonly folder: string
  /** The version of a package of others. */
  version(name: string): string
  /** Runs a program of a package of others in the project, or `node`. */
  run(program: string, words: readonly string[], options?: RunOptions): Promise<Said>
}

/** @param files by their names; @param others packages that are there beside Tessera */
export function newProject(files: Readonly<Record<string, string>>, others: readonly string[]): Project {
  const folder = tempDir('project')
  const place = (name: string) => join(folder, 'node_modules', name)
  const link = (from: string, name: string) => {
    mkdirSync(dirname(place(name)), { recursive: true })
    symlinkSync(join(from, name), place(name))
  }
  for (const name of Object.keys(dependencies)) link(join(root, 'node_modules'), name)
  for (const name of others) link(OTHERS, name)
  for (const name of SHIPPED) cpSync(join(root, name), join(place('tessera-card'), name), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return {
    folder,
    version: (name) => JSON.parse(readFileSync(join(OTHERS, name, 'package.json'), 'utf8')).version,
    run(program, words, { env = {}, ...options } = {}) {
      const [file, ...before] = program === 'node' ? [process.execPath] : [join(OTHERS, '.bin', program)]
      const settings = { TESSERA_HOME: join(folder, 'home'), TESSERA_TCTI: 'embedded:', NO_COLOR: '1', ...env }
      return run(file ?? program, [...before, ...words], { cwd: folder, ms: 90_000, ...options, env: settings })
    },
  }
}
