// How cases are started.
import { join } from 'node:path'
import { root } from '../product.ts'

/** A program of bench/native. */
export const program = (name: string): string => join(root, 'native/build/Release', name)

/** A file of bench/cases, with its argument in JSON. */
export const nodeCase = (file: string, argument: unknown, flags: readonly string[] = []): string[] => [
  ...[process.execPath, ...flags, '--import', 'tsx', join(root, 'bench/cases', file), JSON.stringify(argument)],
]
