// The packages that only the benchmarks need: installed beside their own lock file, once.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Runs `npm ci` in `directory` unless what its lock file says is there already. */
export function installPackages(directory: string, say: (text: string) => void, scripts = false): void {
  const hash = createHash('sha256')
  for (const name of ['package.json', 'package-lock.json']) hash.update(readFileSync(join(directory, name)))
  const wanted = hash.update(process.version).digest('hex')
  const stamp = join(directory, 'node_modules/.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say(`npm ci in ${directory}`)
  const flags = ['--no-audit', '--no-fund', '--loglevel=error', ...(scripts ? [] : ['--ignore-scripts'])]
  // Settings of the npm that runs this are not meant for what runs in here.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
  execFileSync('npm', ['ci', ...flags], { cwd: directory, env: environment, stdio: ['ignore', 'ignore', 'inherit'] })
  writeFileSync(stamp, wanted)
}
