// takes: 30 s
// Bundlers of others. The addon is no part of a bundle: where the package was bundled it says so, and where it was declared
// external everything works.

import { renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { BuildOptions } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newProject, type Project } from './support/project.ts'

const MAIN = `import { createCard } from 'tessera-card'
const work = async () => {
  const card = await createCard({ name: 'card-' + process.pid, pin: '271828', puk: '86753098' })
  await card.close()
  return 'it works'
}
work().catch((error) => error.code + ' ' + error.message).then((said) => console.log(said))
`
const WEBPACK = `const shared = { mode: 'development', devtool: false, target: 'node20', entry: './main.mjs' }
const to = (filename) => ({ path: __dirname, filename, module: true })
const external = { externals: { 'tessera-card': 'module tessera-card' } }
module.exports = [
  { ...shared, experiments: { outputModule: true }, output: to('inside.mjs') },
  { ...shared, experiments: { outputModule: true }, output: to('external.mjs'), ...external },
]
`
/** webpack-cli is another package: this is all of it that is used. */
const BUILD = `require('webpack')(require('./webpack.config.cjs'), (error, all) => {
  const said = error ? String(error) : all.toString({ all: false, errors: true })
  console.log(said)
  process.exitCode = error || all.hasErrors() ? 1 : 0
})
`
const VITE = `const rollupOptions = (name) => ({ input: 'main.mjs', output: { entryFileNames: name } })
export default ({ mode }) => ({
  logLevel: 'warn',
  build: { ssr: true, outDir: '.', emptyOutDir: false, rollupOptions: rollupOptions(mode + '.mjs') },
  ssr: mode === 'inside' ? { noExternal: true } : { external: ['tessera-card'] },
})
`
const IN_A_BUNDLE = /^ERR_TPM_LIBRARY Tessera is part of a bundle.* external /

/** What the bundle says when it runs, here and, where nothing of the package is left on this machine, there. */
async function says(project: Project, name: string): Promise<string> {
  const { stdout, all } = await project.run('node', [name])
  assert.ok(stdout, all)
  return stdout.trim()
}
function away(project: Project): () => void {
  const place = join(project.folder, 'node_modules/tessera-card')
  renameSync(place, `${place}-away`)
  return () => renameSync(`${place}-away`, place)
}

test('esbuild: as an ES module and as CommonJS', async () => {
  const project = newProject({ 'main.mjs': MAIN }, [])
  const { build } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild')
  const shared: BuildOptions = {
    absWorkingDir: project.folder,
    entryPoints: ['main.mjs'],
    bundle: true,
    platform: 'node',
    logLevel: 'error',
  }
  for (const [format, ending] of [
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ] as const) {
    await build({ ...shared, format, outfile: `inside.${ending}` })
    await build({ ...shared, format, outfile: `external.${ending}`, external: ['tessera-card'] })
    assert.match(await says(project, `inside.${ending}`), IN_A_BUNDLE)
    assert.is(await says(project, `external.${ending}`), 'it works')
  }
})

test('webpack', async () => {
  const project = newProject({ 'main.mjs': MAIN, 'webpack.config.cjs': WEBPACK, 'build.cjs': BUILD }, ['webpack'])
  const { code, all } = await project.run('node', ['build.cjs'])
  assert.is(code, 0, all)
  assert.is(await says(project, 'external.mjs'), 'it works')
  const back = away(project)
  assert.match(await says(project, 'inside.mjs'), IN_A_BUNDLE)
  back()
})

test('vite, for the server', async () => {
  const project = newProject({ 'main.mjs': MAIN, 'package.json': '{"type":"module"}', 'vite.config.mjs': VITE }, [
    'vite',
  ])
  for (const mode of ['inside', 'external']) {
    const { code, all } = await project.run('vite', ['build', '--mode', mode])
    assert.is(code, 0, all)
  }
  assert.is(await says(project, 'external.mjs'), 'it works')
  const back = away(project)
  assert.match(await says(project, 'inside.mjs'), IN_A_BUNDLE)
  back()
})

test.run()
