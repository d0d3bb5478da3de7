// The packages of a release in a registry on this machine, computers with nothing but a Node.js, and what installs packages.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../runner/jobs.ts'
import type { Said } from '../../strangers/support/tools.ts'
import { tempDir } from '../../support/temp.ts'
import { type Bare, bareComputer } from './bare.ts'
import { packDependencies, packFolder, type Registry, startRegistry } from './registry.ts'
import { SIGN } from './sign.ts'

/** Where `npm run release` puts what it makes. */
export const OUT = join(root, 'build/release/out')
const packages = join(root, 'test/install/packages/node_modules')

/** Every supported major version, or the first and the last of them: `--all`. */
export const ALL = process.env.TESSERA_TEST_ALL === '1'
export const MAJORS = ALL ? [20, 22, 24, 26] : [20, 26]
export const nodeFolder = (major: number, arch: string): string =>
  join(root, 'scripts/release/parts/node_modules', `node-${major}-${arch}`)

/** The newest npm that runs on this Node.js. */
export const npmFor = (major: number): string => `/packages/npm-${major < 22 ? 11 : 12}`

export interface Manager {
  readonly name: string
  readonly oldestNode: number
  /** The line of sh that installs the package. */
  readonly line: string
}

const npm = (version: number) => `node /packages/npm-${version}/bin/npm-cli.js install tessera-card`
export const MANAGERS: readonly Manager[] = [
  { name: 'npm 11', oldestNode: 20, line: npm(11) },
  { name: 'npm 12', oldestNode: 22, line: npm(12) },
  { name: 'pnpm', oldestNode: 20, line: 'node /packages/pnpm/bin/pnpm.cjs add --store-dir /app/.store tessera-card' },
  { name: 'yarn 1', oldestNode: 20, line: 'node /packages/yarn/bin/yarn.js add tessera-card' },
  {
    name: 'yarn 4',
    oldestNode: 20,
    line: ': > yarn.lock; node /packages/@yarnpkg/cli-dist/bin/yarn.js add tessera-card',
  },
]

export interface Released {
  readonly registry: Registry
  /** A folder for a program that uses the package. */
  project(): string
  computer(major: number): Bare
  /** Installs the package into a new project by the newest npm. */
  installed(major: number, more?: string): Promise<string>
  /** Runs a line with the registry as the one that packages come from. */
  online(computer: Bare, folder: string, line: string): Promise<Said>
}

export async function startReleased(): Promise<Released> {
  if (!existsSync(join(OUT, 'SHA256SUMS')))
    throw new Error('There is no release in build/release/out. Run `npm run release` first.')
  const tarballs = tempDir('tarballs')
  const made = readdirSync(OUT).filter((name) => name.endsWith('.tgz'))
  for (const name of made) copyFileSync(join(OUT, name), join(tarballs, name))
  // A release of one architecture alone (npm run release -- --once x64): some package managers want to see the other's manifest.
  if (!made.some((name) => name.includes('linux-arm64'))) standIn('arm64', tarballs)
  packDependencies(tarballs)
  const registry = await startRegistry(tarballs)
  const project = () => {
    const folder = tempDir('project')
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
    writeFileSync(join(folder, 'sign.mjs'), SIGN)
    writeFileSync(join(folder, '.npmrc'), `registry=${registry.url}\n`)
    return folder
  }
  const computer = (major: number) => bareComputer(nodeFolder(major, 'x64'), packages)
  const online: Released['online'] = (computer, folder, line) => computer.run(folder, line, { env: from(registry.url) })
  return {
    registry,
    project,
    computer,
    online,
    async installed(major, more = '') {
      const folder = project()
      const done = await online(
        computer(major),
        folder,
        `node ${npmFor(major)}/bin/npm-cli.js install tessera-card ${more}`,
      )
      if (done.code !== 0) throw new Error(done.all)
      return folder
    },
  }
}

function standIn(arch: string, tarballs: string): void {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const folder = join(tempDir('stand-in'), 'package')
  mkdirSync(folder)
  const manifest = { name: `@tessera-card/linux-${arch}-gnu`, version, os: ['linux'], cpu: [arch], libc: ['glibc'] }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  packFolder(folder, tarballs)
}

const from = (registry: string): Readonly<Record<string, string>> => ({
  npm_config_registry: registry,
  npm_config_cache: '/app/.cache',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  YARN_REGISTRY: registry,
  YARN_CACHE_FOLDER: '/app/.cache',
  YARN_NPM_REGISTRY_SERVER: registry,
  YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
  YARN_NODE_LINKER: 'node-modules',
  YARN_ENABLE_GLOBAL_CACHE: 'false',
  YARN_ENABLE_TELEMETRY: 'false',
  YARN_NPM_MINIMAL_AGE_GATE: '0',
  NO_COLOR: '1',
})
