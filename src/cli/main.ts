// The program `tessera`: bin/tessera loads this file.
import { run } from './program.ts'

// A reader that went away is told by the failed write; without a listener it would be an exception.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

run(process.argv.slice(2)).then((code) => process.exit(code))
