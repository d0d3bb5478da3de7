// The program that tests start as a process is the one that ships, which loads sooner than its sources.

import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, root } from './jobs.ts'

const madeAt = (path: string): number => statSync(join(root, path)).mtimeMs

/** Builds dist/ unless it is younger than all that it is made of. @throws Error */
export function buildProgram(): void {
  const made = existsSync(join(root, 'dist/tessera.cjs')) ? madeAt('dist/tessera.cjs') : 0
  const sources = [
    'scripts/build.mjs',
    'bin/code-cache.js',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    ...filesBelow('src', ['.ts']),
  ]
  if (sources.every((path) => madeAt(path) < made)) return
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' })
  if (status !== 0) throw new Error('dist/ could not be built; why is above.')
}
