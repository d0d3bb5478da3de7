// Product and test support as plain JavaScript in a folder of its own: a child of it starts in a third of the time that
// tsx takes, and these tests start many.
import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../runner/jobs.ts'
import { tempDir } from '../../support/temp.ts'

const HERE = 'test/crash/support'
let folder: string | undefined

/** Path of a script of this folder, compiled with all that it imports. Types are looked at by the linter. */
export function compiled(script: 'child' | 'relay'): string {
  folder ??= compile(['child', 'relay'])
  return join(folder, HERE, `${script}.js`)
}

function compile(scripts: readonly string[]): string {
  const out = tempDir('js')
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { noEmit: false, noCheck: true, rootDir: root, outDir: out, types: [] },
    files: scripts.map((name) => join(root, HERE, `${name}.ts`)),
  }
  writeFileSync(join(out, 'tsconfig.json'), JSON.stringify(config))
  writeFileSync(join(out, 'package.json'), JSON.stringify({ type: 'module' }))
  for (const name of ['node_modules', 'native']) symlinkSync(join(root, name), join(out, name))
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(out, 'tsconfig.json')], { stdio: 'inherit' })
  return out
}
