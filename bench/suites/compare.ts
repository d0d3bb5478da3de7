// Two commits side by side, or two native parts: the class Card of each, in turns with the loop in C.
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { atExit, tempDir } from '../../test/support/temp.ts'
import type { Options } from '../options.ts'
import { root } from '../product.ts'
import type { SignatureResult } from '../report/results.ts'
import { endLayer, groups, type LayerCase, startLayer } from './layer-case.ts'
import { measureCases } from './signatures.ts'

/** A checkout of a commit, built, in a directory that goes when this process ends. */
export function checkout(commit: string, say: (text: string) => void): string {
  const run = (cwd: string, program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  const place = join(tempDir('commit'), 'tree')
  say(`building ${commit}`)
  run(root, 'git', 'worktree', 'add', '--detach', place, commit)
  atExit(() => run(root, 'git', 'worktree', 'remove', '--force', place))
  const lock = (where: string) => readFileSync(join(where, 'package-lock.json'), 'utf8')
  if (lock(place) === lock(root)) symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
  else run(place, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error')
  run(place, process.execPath, 'scripts/native.mjs')
  run(place, 'npm', 'run', 'build')
  if (!existsSync(join(place, 'dist/index.js'))) throw new Error(`${commit} has no dist/index.js.`)
  return place
}

/** What `--compare` takes instead of a commit: this checkout with the native part that `npm run release` has built of it. */
const RELEASED = 'released'

function withReleasedAddon(): string {
  const addon = join(root, 'build/release', process.arch, 'out/tessera.node')
  if (!existsSync(addon))
    throw new Error(`${addon} is not there. Run \`npm run release -- --once ${process.arch}\` first.`)
  const place = tempDir('released')
  mkdirSync(join(place, 'native/build/Release'), { recursive: true })
  copyFileSync(addon, join(place, 'native/build/Release/tessera.node'))
  copyFileSync(join(root, 'package.json'), join(place, 'package.json'))
  cpSync(join(root, 'dist'), join(place, 'dist'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
  return place
}

/** Layers are called `bare`, `this` and the commit. */
export async function measureCompared(
  commit: string,
  options: Options,
  say: (text: string) => void,
): Promise<SignatureResult[]> {
  const other = commit === RELEASED ? withReleasedAddon() : checkout(commit, say)
  const results: SignatureResult[] = []
  for (const group of groups(options)) {
    say(`signatures: ${Object.values(group).join(', ')}`)
    const cases: LayerCase[] = []
    try {
      cases.push(await startLayer('bare', group))
      cases.push(await startLayer('card', group, { name: 'this' }))
      cases.push(await startLayer('card', group, { name: commit, checkout: other }))
      results.push(...(await measureCases(group, cases, options)))
    } finally {
      for (const one of cases) await endLayer(one)
    }
  }
  return results
}
