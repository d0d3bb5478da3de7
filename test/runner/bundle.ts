// Test files as Node reads them, each in one piece with what it shares with others beside it: to read TypeScript module by
// module as it comes costs every file a third of a second of a processor.
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { PROGRAMS } from '../support/program.ts'
import { bundles, filesBelow, RELEASED, root } from './jobs.ts'

/** Modules that start a thread or a process of the library's: that of dist/, as in a program that uses it. */
const SHIPPED: Readonly<Record<string, string>> = {
  'src/tls/worker-file.ts': 'dist/tls/worker-file.js',
  'src/signin/background.ts': 'dist/signin/background.js',
}

/** Every other goes on being where its source is: what it starts or reads lies beside that. */
export const placeOf = (path: string): string => pathToFileURL(join(root, SHIPPED[path] ?? path)).href

const ownPlace: Plugin = {
  name: 'own-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const place = JSON.stringify(placeOf(relative(root, path)))
      return { loader: 'ts', contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', place) }
    })
  },
}

/** @throws Error */
export async function bundleTests(): Promise<void> {
  process.once('exit', () => rmSync(bundles, { recursive: true, force: true }))
  await build({
    absWorkingDir: root,
    entryPoints: [...filesBelow('test', ['.test.ts', RELEASED]), ...PROGRAMS],
    outdir: bundles,
    outbase: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    keepNames: true,
    sourcemap: 'inline',
    logLevel: 'warning',
    plugins: [ownPlace],
  })
}
