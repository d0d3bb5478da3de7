// Scripts that tests start as programs of their own. The runner bundles them with the tests: a child is there in a third of
// the time that it takes to read TypeScript as it comes.
import { join } from 'node:path'
import { BUNDLES, bundleOf, root } from '../runner/jobs.ts'

export const PROGRAMS = [
  'examples/relying-party/main.ts',
  'test/cli/ask.ts',
  'test/cli/memory-child.ts',
  'test/crash/support/child.ts',
  'test/crash/support/relay.ts',
  'test/enroll/support/child.ts',
  'test/library/child.ts',
  'test/library/import-memory-child.ts',
  'test/library/memory-child.ts',
  'test/path/endurance-child.ts',
  'test/path/promises-child.ts',
  'test/serve/support/memory-child.ts',
  'test/store/support/child.ts',
  'test/tls/support/child.ts',
] as const

export const program = (script: (typeof PROGRAMS)[number]): readonly string[] => toRun(script)

/** What Node is told to run one of them, or a test file, also where no runner has bundled anything. */
export function toRun(script: string): readonly string[] {
  const bundles = process.env[BUNDLES]
  if (bundles === undefined) return ['--import', import.meta.resolve('tsx'), join(root, script)]
  return [bundleOf(script, bundles)]
}
