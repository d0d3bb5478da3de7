// Finds the native part and loads it: the one that was built here from source, else the ready-made one for this kind of
// computer, which is a package of its own (an optional dependency, so that each computer fetches one).
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { architectureOf } from './elf.ts'
import { type Faults, faults, reasonOf } from './faults.ts'

/** From src/ and from dist/. */
const OWN = '../native/build/Release/tessera.node'
/** Kinds of computer that there is a ready-made one for. */
export const READY_MADE = ['linux-x64-gnu', 'linux-arm64-gnu'] as const

/**
 * @param here URL of native.ts, of what was built of it, or of the program in one piece; undefined in some bundles
 * @throws TpmError ERR_TPM_LIBRARY that says why there is none, and what to do
 */
export function loadAddon(here: string | undefined): unknown {
  if (here === undefined || isBundled(here)) throw faults.bundled()
  const own = fileURLToPath(new URL(OWN, here))
  const require = createRequire(here)
  if (existsSync(own)) return load(require, own, OWN_BUILD)
  const kind = kindOfComputer()
  const has = (kind: string) => existsSync(locate(require, kind) ?? '')
  const there = READY_MADE.filter(has)
  if (!READY_MADE.some((ready) => ready === kind)) throw faults.noReadyMade(kind, there)
  const file = locate(require, kind)
  const { version } = require('../package.json') as { version: string }
  if (file === undefined) throw faults.notInstalled(kind, version, there, fileURLToPath(here))
  const found = versionOf(require, kind)
  if (found === undefined) throw faults.damaged(file)
  if (found !== version) throw faults.otherVersion(kind, version, found)
  return load(require, file, READY)
}

export const packageOf = (kind: string): string => `@tessera-card/${kind}`

function locate(require: NodeJS.Require, kind: string): string | undefined {
  try {
    return require.resolve(`${packageOf(kind)}/tessera.node`)
  } catch {
    return undefined
  }
}

function versionOf(require: NodeJS.Require, kind: string): string | undefined {
  try {
    return (require(`${packageOf(kind)}/package.json`) as { version?: string }).version
  } catch {
    return undefined
  }
}

/** What to say of a native part that is no use: by where it is from. */
interface Source {
  readonly failed: Faults['readyMade']
  readonly damaged: (file: string) => Error
  readonly otherArchitecture: Faults['otherArchitecture']
}

const READY: Source = {
  failed: faults.readyMade,
  damaged: faults.damaged,
  otherArchitecture: faults.otherArchitecture,
}
const OWN_BUILD: Source = {
  failed: faults.ownBuild,
  damaged: (file) => faults.ownBuild(file, 'it is damaged'),
  otherArchitecture: (file, architecture) => faults.ownBuild(file, `it is for ${architecture}`),
}

function load(require: NodeJS.Require, file: string, source: Source): unknown {
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw source.failed(file, reasonOf(cause), cause)
    }
  }
  const architecture = attempt(() => architectureOf(file))
  if (architecture === undefined) throw source.damaged(file)
  if (architecture !== process.arch) throw source.otherArchitecture(file, architecture)
  return attempt(() => require(file))
}

/** A bundler put this module into a file of another name, or wrote down where it was when it was bundled. */
const isBundled = (here: string): boolean =>
  !/\/(native\.[jt]s|tessera\.cjs)$/.test(here) || !existsSync(fileURLToPath(here))

/** Platform, architecture and, on Linux, the C library that this Node.js is linked with. */
function kindOfComputer(): string {
  const { platform, arch } = process
  return platform === 'linux' ? `${platform}-${arch}-${isMusl() ? 'musl' : 'gnu'}` : `${platform}-${arch}`
}

/** The dynamic linker of musl has this name, and a program that it started has it mapped. */
const isMusl = (): boolean => MUSL.some((linker) => existsSync(linker)) && glibcVersion() === undefined
const MUSL = ['/lib/ld-musl-x86_64.so.1', '/lib/ld-musl-aarch64.so.1']

function glibcVersion(): unknown {
  const report = process.report as (NodeJS.ProcessReport & { excludeNetwork?: boolean }) | undefined
  if (report === undefined) return undefined
  const before = report.excludeNetwork
  report.excludeNetwork = true // else it looks up names of hosts
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
  if (before !== undefined) report.excludeNetwork = before
  return header.glibcVersionRuntime
}
