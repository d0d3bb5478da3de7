// A process that runs command lines, for a look at its memory from outside. argv: a JSON list of command lines.
import { Writable } from 'node:stream'
import { run } from '../../src/cli/program.ts'

const nothing = () => new Writable({ write: (_chunk, _encoding, done) => done() })
const collect = async () => {
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

// Some of what is collected between two commands is moved, with the secrets of the second one in it.
const codes: number[] = []
for (const argv of JSON.parse(process.argv[2] ?? '[]') as string[][]) {
  codes.push(await run(argv, { stdout: nothing(), stderr: nothing() }))
  await collect()
}
process.stdout.write(`${JSON.stringify(codes)}\n`)
await new Promise((resolve) => process.stdin.once('data', resolve))
process.stdin.destroy()
