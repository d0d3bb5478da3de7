// Results in octets: to a file, to standard output unchanged, or as base64 in the JSON.
import { UsageError } from '../errors.ts'
import type { Context } from './context.ts'
import { writeOutput } from './files.ts'
import { TEXT } from './messages.ts'
import type { Json } from './output.ts'

export interface BinaryResult {
  readonly octets: Uint8Array
  /** The JSON member for the octets, if they are not written to a file. */
  readonly member: string
  /** The rest of the JSON. */
  readonly facts: { readonly [name: string]: Json | undefined }
  /** The message that they are in a file. */
  readonly written: (path: string) => string
  /** Only the user may read the file. */
  readonly secret?: boolean
}

/**
 * Where the octets will go: checked before anybody is asked for a PIN.
 * @throws UsageError ERR_USAGE if they would go to a terminal, or be mixed with the JSON
 */
export function binaryOutput({ options, out }: Context): (result: BinaryResult) => Promise<void> {
  const path = options.out === '-' ? undefined : options.out
  if (out.mode.json && options.out === '-') throw new UsageError('ERR_USAGE', TEXT.error.stdoutTwice)
  if (!out.mode.json && options.out === undefined && out.toTerminal) {
    throw new UsageError('ERR_USAGE', TEXT.error.binaryToTerminal)
  }
  return async ({ octets, member, facts, written, secret = false }) => {
    if (path !== undefined) await writeOutput(path, octets, secret ? 0o600 : undefined)
    const base64 = () => Buffer.from(octets).toString('base64')
    if (out.mode.json)
      await out.result({ ...facts, ...(path === undefined ? { [member]: base64() } : { out: path }) }, '')
    else if (path === undefined) await out.octets(octets)
    else await out.note(written(path))
  }
}
