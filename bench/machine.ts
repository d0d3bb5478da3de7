// The machine and the versions of what has a part in the figures.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { root } from './product.ts'
import type { Machine, Versions } from './report/results.ts'

export function machine(): Machine {
  const system = /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown'
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system,
    load: Number(loadavg()[0]?.toFixed(2)),
  }
}

/** Starts to watch; answers what Machine calls `steal`. */
export function watchSteal(): () => number {
  const ticks = () => {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/) ?? []
    // user, nice, system, idle, iowait, irq, softirq, steal: guests are counted in user.
    const known = fields.slice(0, 8).map(Number)
    return { steal: known[7] ?? 0, all: known.reduce((sum, one) => sum + one, 0) }
  }
  const before = ticks()
  return () => {
    const now = ticks()
    return Number(((100 * (now.steal - before.steal)) / Math.max(1, now.all - before.all)).toFixed(2))
  }
}

/** Debian's packages; elsewhere their versions are not known. */
const PACKAGES = [
  ...['libtpms0', 'swtpm', 'libtss2-esys-3.0.2-0', 'libtss2-tcti-swtpm0', 'pcscd', 'vsmartcard-vpcd', 'opensc'],
  ...['tpm2-tools', 'libtpm2-pkcs11-1', 'softhsm2', 'libssl3'],
]

export function versions(): Versions {
  return { node: process.version, openssl: process.versions.openssl, ...packageVersions() }
}

function packageVersions(): Versions {
  try {
    const text = execFileSync('dpkg-query', ['--show', ...PACKAGES], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return parse(text)
  } catch (error) {
    // It lists those that are there, and fails for the others.
    const { stdout } = error as { stdout?: string }
    return parse(stdout ?? '')
  }
}

const parse = (text: string): Versions =>
  Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.split('\t'))
      .flatMap(([name, version]) => (name && version ? [[name, version] as const] : [])),
  )

/** The commit of a checkout, with `+` where files were changed since. */
export function commitOf(checkout = root): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: checkout, encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'
    return git('rev-parse', '--short=12', 'HEAD') + changed
  } catch {
    return 'unknown'
  }
}
