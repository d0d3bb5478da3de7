// A computer with nothing but Node.js: the C library, the C++ library that Node.js itself needs, sh and env; no compiler, no
// tpm2-tss, libtpms or pcsc-lite. bubblewrap makes it, with the network of this machine's loopback.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run, type Said } from '../../strangers/support/tools.ts'
import { tempDir } from '../../support/temp.ts'

export interface Bare {
  /** Runs a line of sh in `folder`, which is /app there. */
  run(
    folder: string,
    line: string,
    options?: {
      readonly env?: Readonly<Record<string, string>>
      /** Nothing can be written to node_modules. */
      readonly readOnly?: boolean
      /** A file: which system calls there are (seccomp.ts). */
      readonly seccomp?: string
    },
  ): Promise<Said>
}

/** @param node folder of a Node.js @param packages folder of package managers, /packages there */
export function bareComputer(node: string, packages: string): Bare {
  const base = tempDir('bare')
  for (const name of ['app', 'packages', 'opt/node', 'proc', 'dev', 'tmp', 'etc'])
    mkdirSync(join(base, name), { recursive: true })
  writeFileSync(join(base, 'etc/passwd'), 'root:x:0:0:root:/tmp:/bin/sh\n')
  for (const program of ['/bin/sh', '/usr/bin/env']) copy(base, program)
  for (const program of [join(node, 'bin/node'), '/bin/sh', '/usr/bin/env']) {
    for (const library of librariesOf(program)) copy(base, library)
  }
  return {
    run(folder, line, { env = {}, readOnly = false, seccomp } = {}) {
      const bind = ['--ro-bind', base, '/', '--ro-bind', node, '/opt/node', '--ro-bind', packages, '/packages']
      const work = ['--bind', folder, '/app', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--chdir', '/app']
      const closed = readOnly ? ['--ro-bind', join(folder, 'node_modules'), '/app/node_modules'] : []
      const all = {
        PATH: '/opt/node/bin:/usr/bin:/bin',
        HOME: '/tmp',
        TESSERA_HOME: '/app/home',
        TESSERA_TCTI: 'embedded:',
        ...env,
      }
      const set = Object.entries(all).flatMap(([name, value]) => ['--setenv', name, value])
      const words = [
        ...bind,
        ...work,
        ...closed,
        '--unshare-pid',
        '--die-with-parent',
        '--clearenv',
        ...set,
        'sh',
        '-c',
        line,
      ]
      if (seccomp === undefined) return run('bwrap', words, { ms: 300_000 })
      return run('sh', ['-c', `exec bwrap --seccomp 9 "$@" 9<'${seccomp}'`, 'sh', ...words], { ms: 300_000 })
    },
  }
}

function copy(base: string, file: string): void {
  mkdirSync(join(base, dirname(file)), { recursive: true })
  copyFileSync(file, join(base, file))
}

const librariesOf = (program: string): string[] =>
  [...execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
