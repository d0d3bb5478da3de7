// The program with commands that never settle, or throw where nobody catches: argv is [kind, ...command line].
import { runAsProcess } from '../../src/cli/process.ts'
import { COMMANDS } from '../../src/cli/table.ts'

const [kind, ...argv] = process.argv.slice(2)
const never = () => {
  if (kind === 'throws') setImmediate(() => assertNever())
  return new Promise<never>(() => undefined)
}
function assertNever(): never {
  throw new Error('thrown where nobody catches')
}
runAsProcess(
  argv,
  COMMANDS.map((row) => ({ ...row, load: async () => ({ run: never }) })),
)
