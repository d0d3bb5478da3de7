// Builds dist/: the library module by module, with its types (tsc), and the program in a few pieces (esbuild), since
// nearly 200 modules take as long to load as all that a command does. `npm run build`, and scripts/setup, run it.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const types = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
})
if (types.status !== 0) process.exit(types.status ?? 1)

// The pieces lie where dist/native.js does: the addon is found from there.
const { build } = createRequire(import.meta.url)('esbuild')
await build({
  entryPoints: { tessera: join(dist, 'cli/main.js') },
  outdir: dist,
  chunkNames: 'tessera-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  external: ['*.node'],
  minifyWhitespace: true,
  logLevel: 'warning',
})
