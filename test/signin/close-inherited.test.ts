// What a program that is started has open: nothing of who started it, by whatever number.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ok } from '../strangers/support/tools.ts'

const PROGRAM = `
import { spawn } from 'node:child_process'
import { withNothingInherited } from '${new URL('../../src/signin/close-inherited.ts', import.meta.url).pathname}'
withNothingInherited((rest) =>
  spawn('bash', ['-c', 'echo began; readlink /proc/$$/fd/* | grep marked'], { stdio: ['ignore', 'inherit', 'inherit', ...rest] }))`

/** What it says in a shell that has a file by these numbers, the highest of which is below `limit`. */
async function started(numbers: readonly number[], limit: number): Promise<string> {
  const opened = numbers.map((number) => `exec ${number}> marked-${number}`).join('; ')
  const node = `'${process.execPath}' --import '${import.meta.resolve('tsx')}' --input-type=module -e "$1"`
  return (await ok('bash', ['-c', `${opened}; ulimit -n ${limit}; ${node}`, 'bash', PROGRAM])).stdout
}

test('nothing, by low numbers and by high ones', async () => {
  assert.is(await started([3, 9, 17, 99, 200], 1000), 'began\n')
})

test('it is started also where one cannot be kept away', async () => {
  for (const numbers of [[99], [60, 98]]) assert.match(await started(numbers, 100), /^began\n/, String(numbers))
})

test.run()
