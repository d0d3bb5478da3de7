// A script of the tests, with all that it imports, as one file of plain JavaScript: a child of it starts in a third of the
// time that tsx takes.
import { symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from '../runner/jobs.ts'
import { tempDir } from './temp.ts'

/** Packages that few scripts load; they stay where they are. */
const PACKAGES = ['@peculiar/x509', 'node-forge', 'reflect-metadata', 'kerberos']
const made = new Map<string, string>()

/** Path of a script, made into one file once in a process. Types are looked at by the linter. @param script from the root */
export function bundled(script: string): string {
  const known = made.get(script)
  if (known !== undefined) return known
  const folder = tempDir('js')
  const outfile = join(folder, 'src', `${basename(script, '.ts')}.mjs`)
  buildSync({
    entryPoints: [join(root, script)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['*.node', ...PACKAGES],
    // What is CommonJS in a package asks for require.
    banner: { js: 'import { createRequire as of } from "node:module"; const require = of(import.meta.url);' },
    logLevel: 'warning',
  })
  // The addon is found from src/, and the packages from anywhere in here.
  for (const name of ['node_modules', 'native']) symlinkSync(join(root, name), join(folder, name))
  made.set(script, outfile)
  return outfile
}
