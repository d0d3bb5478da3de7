// Builds dist/: the library module by module, with its types (tsc), and the program in one piece (esbuild), compiled ahead
// of time (bin/code-cache.js): nearly 200 modules take as long to load as all that a command does. `npm run build`, and
// scripts/setup, run it.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

const run = (program, ...args) => {
  const { status } = spawnSync(program, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync(dist, { recursive: true, force: true })
run(join(root, 'node_modules/.bin/tsc'), '-p', join(root, 'tsconfig.build.json'))

// The types for require(): under `module: node16` TypeScript takes declarations of an ES module only for import. These name
// the same types, so that the parts of a program that import and those that require() understand each other.
mkdirSync(join(dist, 'commonjs'))
writeFileSync(join(dist, 'commonjs/package.json'), '{ "type": "commonjs" }\n')
for (const entry of [
  'index',
  'enroll/index',
  'attest/index',
  'keys/index',
  'tls/index',
  'signin/index',
  'serve/index',
  'testing/index',
]) {
  const name = entry === 'index' ? entry : dirname(entry)
  writeFileSync(join(dist, `commonjs/${name}.d.ts`), await declarations(entry))
}

async function declarations(entry) {
  const from = `'../${entry}.js' with { 'resolution-mode': 'import' }`
  const values = Object.entries(await import(pathToFileURL(join(dist, `${entry}.js`)).href))
  const text = readFileSync(join(dist, `${entry}.d.ts`), 'utf8')
  const isClass = (value) => typeof value === 'function' && /^class\b/.test(`${value}`)
  const names = [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, all = '', list]) =>
    list
      .split(',')
      .filter((one) => one.trim() !== '')
      .flatMap((one) => (all || /^\s*type /.test(one) ? [one.trim().split(/\s+/).at(-1)] : [])),
  )
  return [
    `import type * as library from ${from}`,
    `export type { ${names.join(', ')} } from ${from}`,
    ...values.map(([name]) => `export declare const ${name}: typeof library.${name}`),
    ...values.filter(([, value]) => isClass(value)).map(([name]) => `export type ${name} = library.${name}`),
    '',
  ].join('\n')
}

// The man page, from the table of commands. SOURCE_DATE_EPOCH: reproducible-builds.org.
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { manPage } = await import(pathToFileURL(join(dist, 'cli/man-page.js')).href)
const epoch = process.env.SOURCE_DATE_EPOCH
const date = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)
writeFileSync(join(dist, 'tessera.1'), manPage(version, date.toISOString().slice(0, 10)))

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

// The page of `tessera web`, whole: nothing is built where the package is installed.
const pages = join(root, 'src/web/pages')
await build({
  entryPoints: { app: join(pages, 'main.ts') },
  outdir: join(dist, 'web/pages'),
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
})
for (const name of ['index.html', 'style.css', 'icon.svg'])
  copyFileSync(join(pages, name), join(dist, 'web/pages', name))
run(process.execPath, join(root, 'bin/code-cache.js'))
