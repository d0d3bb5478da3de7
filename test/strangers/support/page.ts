// Pages of docs/ whose commands run exactly as they stand, one after the other in one shell; only the ports are others.
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { SHELL_PROGRAM } from '../../cli/cli.ts'
import { root } from '../../runner/jobs.ts'
import { freePorts } from '../../support/ports.ts'
import { tempDir } from '../../support/temp.ts'
import { file, ok, type Said } from './tools.ts'

/** The commands of a page: its lines that are set off by four spaces. */
export function commandsOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```$/gms, '')
  return [...text.matchAll(/^ {4}(.*)$/gm)].map(([, line = '']) => line)
}

export interface PageRun {
  /** Where vpcd listens, for pages that name its port. */
  readonly vpcd?: number
  /** TESSERA_HOME; a new folder otherwise. */
  readonly home?: string
  readonly tcti?: string
  /** Milliseconds for all of it. */
  readonly ms?: number
}

/** Runs a page in a new folder, or in the checkout, and with a home of its own. Fails unless each command succeeds. */
export async function runPage(
  commands: readonly string[],
  { vpcd, home = tempDir('home'), tcti = 'embedded:', ms = 500_000 }: PageRun,
  folder = tempDir('page'),
): Promise<Said> {
  const bin = join(tempDir('page'), 'bin')
  mkdirSync(bin)
  // From the sources: dist/ may be older.
  const program = file(`#!/bin/sh\nexec ${SHELL_PROGRAM} "$@"\n`)
  chmodSync(program, 0o700)
  symlinkSync(program, join(bin, 'tessera'))
  // The CA's, the next one, for its list of revoked certificates, and that of a service.
  const first = await freePorts(3)
  const script = commands
    .join('\n')
    .replace(/:(844[345])\b/g, (_, port: string) => `:${first + Number(port) - 8443}`)
    .replaceAll(':35963', `:${vpcd}`)
  const env = { TESSERA_HOME: home, TESSERA_TCTI: tcti, PATH: `${bin}:${process.env.PATH}` }
  return ok('sh', ['-c', `set -eu\ncd '${folder}'\n${script}`], { env, ms })
}
