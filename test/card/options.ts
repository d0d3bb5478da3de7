// The command line of the program that puts the 77 assertions to a card, and the secrets it may use.
import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fromHex } from '../../src/bytes.ts'
import type { Class } from '../contract/assertions.ts'

export const USAGE = `npm run test:card -- --reader TEXT --classes N[,P][,R][,W] [--pin-file FILE] [--yes GUID] [--puk-tries N]

  --reader TEXT    the card in the reader that has TEXT in its name
  --classes LIST   what may be done to it; without this nothing is, and the assertions are listed:
                   N  nothing is proved and nothing changes
                   P  the PIN is verified
                   R  tries of PIN and PUK are used, and given back
                   W  keys, certificates and objects are written: for a spare card
  --pin-file FILE  one secret a line: the PIN (P), the PUK (R, W), the admin key in hexadecimal, a 3DES key after 3DES: (W)
  --yes GUID       R and W: that this is the card which is meant. Without it the program says which card it found
  --puk-tries N    tries of the PUK in all, where they are not as many as those of the PIN (R, W)`

const CLASSES = ['N', 'P', 'R', 'W'] as const

/** What makes no run: said with the usage. */
export class UsageError extends Error {}

export interface CardTest {
  readonly reader: string
  readonly classes: readonly Class[]
  readonly secrets: FileSecrets | undefined
  readonly yes: string | undefined
  readonly pukTries: number | undefined
}

export interface FileSecrets {
  readonly pin: string
  readonly puk: string
  readonly adminKey: Uint8Array | undefined
}

const OPTIONS = {
  reader: { type: 'string' },
  classes: { type: 'string' },
  'pin-file': { type: 'string' },
  yes: { type: 'string' },
  'puk-tries': { type: 'string' },
  help: { type: 'boolean' },
} as const

/** Undefined where no classes are named: nothing is to be done. @throws UsageError */
export function parse(argv: readonly string[]): CardTest | 'help' | undefined {
  const values = readOptions(argv)
  if (values.help === true) return 'help'
  if (values.classes === undefined) return undefined
  const letters = values.classes.toUpperCase().split(',')
  const known = letters.every((letter) => CLASSES.some((one) => one === letter))
  if (!known) throw new UsageError(`--classes names some of ${CLASSES.join(', ')}, with commas between.`)
  const classes = CLASSES.filter((one) => letters.includes(one))
  if (values.reader === undefined) throw new UsageError('Which reader? Say so with --reader.')
  const pukTries = values['puk-tries']
  if (pukTries !== undefined && !/^([1-9]|1[0-5])$/.test(pukTries)) throw new UsageError('--puk-tries is from 1 to 15.')
  return {
    reader: values.reader,
    classes,
    secrets: secretsFor(classes, values['pin-file']),
    yes: values.yes?.toLowerCase(),
    pukTries: pukTries === undefined ? undefined : Number(pukTries),
  }
}

function readOptions(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values
  } catch (error) {
    // What was typed is not repeated: it may be a PIN that somebody put there.
    const known = error instanceof Error && 'code' in error && error.code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE'
    throw new UsageError(known ? 'An option lacks its value.' : 'There is an option or a word that is not known.')
  }
}

/** The lines of the file that the classes want. */
function secretsFor(classes: readonly Class[], path: string | undefined): FileSecrets | undefined {
  if (classes.every((one) => one === 'N')) return undefined
  if (path === undefined)
    throw new UsageError(`Class ${classes.at(-1)} wants secrets. Name their file with --pin-file.`)
  const [pin = '', puk = '', adminKey = ''] = lines(path)
  const [wantsPuk, wantsKey] = [classes.includes('R') || classes.includes('W'), classes.includes('W')]
  if (!/^\d{6,8}$/.test(pin)) throw new UsageError('The first line of the file is no PIN: 6 to 8 digits.')
  if (wantsPuk && !/^[\x20-\x7e]{8}$/.test(puk)) throw new UsageError('Its second line is no PUK: 8 characters.')
  // The card is asked for its algorithm; 3DES: only says what the digits are.
  const [, triple, digits = ''] = /^(3DES:)?(.*)$/.exec(adminKey) ?? []
  const octets = wantsKey ? fromHex(digits) : undefined
  const lengths = triple === undefined ? [16, 24, 32] : [24]
  if (wantsKey && !lengths.includes(octets?.length ?? 0)) {
    throw new UsageError('Its third line is not an admin key: 32, 48 or 64 hexadecimal digits, or 3DES: and 48 digits.')
  }
  return { pin, puk: wantsPuk ? puk : '', adminKey: octets }
}

function lines(path: string): string[] {
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw new UsageError('Others can read the file of secrets: chmod 600 it.')
    return readFileSync(path, 'utf8').split(/\r?\n/)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`The file of secrets cannot be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}
