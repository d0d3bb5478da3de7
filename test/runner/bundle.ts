// Test files as Node reads them, each in one piece with what it shares with others beside it: to read TypeScript module by
// module as it comes costs every file a third of a second of a processor.
import { readFileSync, rmSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { bundles, root } from './jobs.ts'

/** Each module goes on being where its source is: what it starts or reads lies beside that. */
const ownPlace: Plugin = {
  name: 'own-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
    }))
  },
}

/** @throws Error */
export async function bundleTests(names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  process.once('exit', () => rmSync(bundles, { recursive: true, force: true }))
  await build({
    absWorkingDir: root,
    entryPoints: [...names],
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
