// Renamed options. The old spelling works in this version, with a warning; help and completion have only the new one.
import { type OptionName, optionRow } from './options.ts'

interface OldSpelling {
  /** The commands that had it. */
  readonly commands: readonly string[]
  readonly flag: `--${string}`
  /** Its name now. */
  readonly option: OptionName
}

export const OLD_SPELLINGS: readonly OldSpelling[] = [
  { commands: ['sign', 'verify'], flag: '--format', option: 'signatureFormat' },
  { commands: ['decrypt'], flag: '--padding', option: 'encryptionPadding' },
  { commands: ['help-desk respond'], flag: '--key', option: 'privateKey' },
  { commands: ['serve'], flag: '--listen', option: 'vpcdListen' },
  { commands: ['signin'], flag: '--wait', option: 'waitForCard' },
]

export const oldSpellingsOf = (words: string): readonly OldSpelling[] =>
  OLD_SPELLINGS.filter(({ commands }) => commands.includes(words))

/** `--signature-format` of `--signature-format <format>`. */
export const flagOf = (name: OptionName): string =>
  optionRow(name)
    .flags.split(/,? /)
    .filter((word) => word.startsWith('-'))
    .at(-1) ?? ''

/** The same option under its old name, as commander reads it. */
export const oldFlags = ({ flag, option }: OldSpelling): string => optionRow(option).flags.replace(flagOf(option), flag)
