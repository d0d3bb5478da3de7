// Why there is no native part, and what to do. test/install follows what they advise of npm.
import { isError, TpmError } from '../errors.ts'

const fault = (message: string, cause?: unknown): TpmError =>
  new TpmError('ERR_TPM_LIBRARY', message, cause === undefined ? undefined : { cause })

export const reasonOf = (cause: unknown): string => (isError(cause) ? cause.message.trim() : String(cause))

/** How the package is built from source, where it is installed. */
const BUILD = 'npx tessera-card build-native'

/** JavaScript runtimes without OpenSSL 3, by their key in process.versions. */
const OTHERS: Readonly<Record<string, string>> = { electron: 'Electron', bun: 'Bun', deno: 'Deno' }

/** What the dynamic linker says, and what can be done about it. */
const ADVICE: ReadonlyArray<readonly [said: RegExp, advice: () => string]> = [
  [
    /undefined symbol|symbol not found|symbol lookup error/,
    () => {
      const name = Object.keys(OTHERS).find((name) => name in process.versions)
      const program =
        name === undefined ? `Node.js ${process.version} with OpenSSL ${process.versions.openssl}` : OTHERS[name]
      return `The native part uses the OpenSSL 3 inside Node.js 20 and later, and ${program} lacks a part of it. Run the program that uses the card with Node.js, or use the card by PKCS#11: docs/serve.md.`
    },
  ],
  [
    /version [`'"]?(GLIBC|GLIBCXX|CXXABI)_/,
    () =>
      `The C library of this system is too old for it: it needs glibc 2.28 (Debian 10, Ubuntu 20.04, RHEL 8). Build it here: ${BUILD}.`,
  ],
  [/EACCES|EPERM/, () => 'This user may not read the file. Its owner can let others read it.'],
  [
    /failed to map segment|cannot enable executable|[Pp]ermission denied|Operation not permitted/,
    () =>
      'The system does not let this file be executed: it lies on a file system that is mounted noexec, or a policy (SELinux, AppArmor) forbids it. Install the package in another folder.',
  ],
]
const adviceFor = (reason: string, other: string): string => ADVICE.find(([said]) => said.test(reason))?.[1]() ?? other

export const faults = {
  bundled: () =>
    fault(
      'Tessera is part of a bundle, where its native part cannot be found. Keep the package out of the bundle: declare tessera-card external (esbuild --external:tessera-card; webpack externals; vite ssr.external), and install it beside the bundle.',
    ),
  ownBuild: (file: string, reason: string, cause?: unknown) =>
    fault(
      `The native part in ${file} cannot be loaded (${reason}). ${adviceFor(reason, `Build it again: ${BUILD}.`)}`,
      cause,
    ),
  readyMade: (file: string, reason: string, cause?: unknown) =>
    fault(
      `The native part in ${file} cannot be loaded (${reason}). ${adviceFor(reason, `Build it here: ${BUILD}.`)}`,
      cause,
    ),
  noReadyMade: (kind: string, there: readonly string[]) =>
    fault(
      kind.startsWith('linux-')
        ? `There is no ready-made native part for ${kind}${there.length > 0 ? ` (installed: ${there.join(', ')})` : ''}. Build it here: ${BUILD}. It says what it needs.`
        : `Tessera runs on Linux; this is ${kind}.`,
    ),
  notInstalled: (kind: string, version: string, there: readonly string[], file: string) =>
    fault(
      `The native part, @tessera-card/${kind}, is not installed${
        there.length > 0
          ? `: node_modules or its lock file was made on another kind of computer (${there.join(', ')})`
          : ': optional packages were left out (--omit=optional), or the lock file was made on another kind of computer'
      }. Install it: ${installer(file)} @tessera-card/${kind}@${version}.`,
    ),
  otherVersion: (kind: string, version: string, found: string) =>
    fault(
      `@tessera-card/${kind} has version ${found}, and tessera-card ${version}. Remove node_modules, and install the packages again.`,
    ),
  damaged: (file: string) =>
    fault(`The native part in ${file} is damaged. Remove node_modules, and install the packages again.`),
  otherArchitecture: (file: string, architecture: string) =>
    fault(
      `The native part in ${file} is for ${architecture}, and this Node.js is for ${process.arch}. Remove node_modules, and install the packages on this computer.`,
    ),
}
export type Faults = typeof faults

/** What puts a package where this one finds it. */
function installer(file: string): string {
  if (file.includes('/.pnpm/')) return 'pnpm add'
  return /\/lib\/node_modules\/tessera-card\//.test(file) ? 'npm install -g' : 'npm install'
}
