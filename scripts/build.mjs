// Builds dist/: the library module by module, with its types (tsc), and the program in one piece (esbuild), compiled ahead
// of time (code-cache.mjs): nearly 200 modules take as long to load as all that a command does. `npm run build`, and
// scripts/setup, run it.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

const run = (program, ...args) => {
  const { status } = spawnSync(program, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync(dist, { recursive: true, force: true })
run(join(root, 'node_modules/.bin/tsc'), '-p', join(root, 'tsconfig.build.json'))

// It lies where dist/native.js does: the addon is found from there. Packages that few commands need are not in it.
const { build } = createRequire(import.meta.url)('esbuild')
await build({
  entryPoints: { tessera: join(dist, 'cli/main.js') },
  outdir: dist,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  // No import() is in what was compiled ahead of time: it would not know who asks.
  supported: { 'dynamic-import': false },
  external: ['*.node', 'node-forge', 'kerberos'],
  define: { 'import.meta.url': 'ownUrl' },
  banner: { js: 'const ownUrl = require("node:url").pathToFileURL(__filename).href;' },
  minifyWhitespace: true,
  // Where the sources are read as they are, more of import.meta is wanted: not here.
  logOverride: { 'empty-import-meta': 'silent' },
  logLevel: 'warning',
})
run(process.execPath, join(root, 'scripts/code-cache.mjs'))
