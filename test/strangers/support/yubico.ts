// Yubico's programs on a card that is none of Yubico's.
import { file, ok, type RunOptions, run, type Said, says } from './tools.ts'

/** Runs yubico-piv-tool on the card in `reader`. `secrets`: what it asks for, in that order, by standard input. */
export type YubicoTool = (secrets: readonly string[], ...words: string[]) => Promise<Said>

const input = (secrets: readonly string[]): RunOptions => ({ input: secrets.map((line) => `${line}\n`).join('') })

export const yubicoTool =
  (reader: string): YubicoTool =>
  (secrets, ...words) =>
    run('yubico-piv-tool', ['--reader', reader, '--stdin-input', ...words], input(secrets))

/** The actions of one call, which yubico-piv-tool does in this order. */
export const actions = (...names: string[]): string[] => names.flatMap((name) => ['--action', name])

const octets = (digits: string): string[] => digits.match(/../g) ?? []

/**
 * Makes the AES-192 admin key a 3DES key of the same octets, which is the only kind that yubico-piv-tool knows before
 * 2.3: by OpenSC's piv-tool, which knows both.
 */
export async function withTripleDes(reader: number, key: string): Promise<void> {
  const setKey = ['00', 'FF', 'FF', 'FF', '1B', '03', '9B', '18', ...octets(key)].join(':')
  const env = { PIV_EXT_AUTH_KEY: file(octets(key).join(':')) }
  const said = await ok('piv-tool', ['--reader', String(reader), '--admin', 'M:9B:0A', '-s', setKey], { env })
  says(said, /SW1=0x90, SW2=0x00/)
}

/** Runs ykman on the PIV application of the card in `reader`, without a terminal: it asks on standard input then. */
export const ykman =
  (reader: string) =>
  (secrets: readonly string[], ...words: string[]): Promise<Said> =>
    run('setsid', ['--wait', 'ykman', '--reader', reader, 'piv', ...words], input(secrets))
