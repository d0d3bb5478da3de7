// Where cards are stored on disk, and which names a card may have.
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * `$TESSERA_HOME`, else `$XDG_DATA_HOME/tessera`, else `~/.local/share/tessera`, as an absolute path.
 * An XDG_DATA_HOME that is not absolute counts as not set (XDG Base Directory Specification, "Basics").
 */
export function defaultHome(environment: Environment = process.env): string {
  if (environment.TESSERA_HOME) return resolve(environment.TESSERA_HOME)
  const data = environment.XDG_DATA_HOME
  if (data && isAbsolute(data)) return join(data, 'tessera')
  return join(environment.HOME || homeOfUser(), '.local', 'share', 'tessera')
}

/** @throws UsageError ERR_USAGE when the system does not know the user's home folder */
function homeOfUser(): string {
  try {
    return homedir()
  } catch (cause) {
    const message =
      'There is no home directory to keep cards in. Set HOME, or TESSERA_HOME to the folder for the cards.'
    throw new UsageError('ERR_USAGE', message, { cause })
  }
}

export const CARD_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/

/** Checks a card name: 1 to 64 of A-Z a-z 0-9 . _ -, but not . or - first. @throws UsageError ERR_CARD_NAME */
export function checkCardName(name: string): string {
  if (typeof name === 'string' && CARD_NAME.test(name)) return name
  const shown = JSON.stringify(String(name).slice(0, 64))
  const why = String(name).startsWith('reader:')
    ? 'means a card in a reader, and only a card in the TPM can be meant here'
    : 'cannot name a card'
  throw new UsageError(
    'ERR_CARD_NAME',
    `${shown} ${why}. Use 1 to 64 letters, digits, dots, hyphens and underscores, with no dot or hyphen first.`,
  )
}

/** No suffix is the end of another one, so the files of two cards never share a path. */
const SUFFIX = {
  card: '.card',
  lock: '.lock',
  journal: '.journal',
  journalLock: '.journal-lock',
} as const
export type CardPath = keyof typeof SUFFIX

/** The paths under one home. */
export class Home {
  readonly path: string
  readonly cards: string
  /** State of running processes: it means nothing after a restart, and does not belong in a backup. */
  readonly run: string
  /** Enrolments under way. */
  readonly enrolments: string
  /** Public keys of keys on cards that do not report them. */
  readonly publicKeys: string
  /** Public keys of cards in readers that a PIN was proved to. */
  readonly knownCards: string
  /** State of the embedded TPM. */
  readonly tpmState: string

  constructor(path: string = defaultHome()) {
    this.path = resolve(path)
    this.cards = join(this.path, 'cards')
    this.run = join(this.path, 'run')
    this.enrolments = join(this.path, 'enrolments')
    this.publicKeys = join(this.path, 'public-keys')
    this.knownCards = join(this.path, 'known-cards')
    this.tpmState = join(this.path, 'tpm', 'state')
  }

  /** The file of a kind that belongs to the card `name`. @throws UsageError ERR_CARD_NAME */
  of(name: string, kind: CardPath): string {
    return join(this.cards, checkCardName(name) + SUFFIX[kind])
  }

  /**
   * The card names of all files of this kind, out of the file names in a folder. Hidden files are skipped; a name need
   * not be a valid card name.
   */
  namesOf(kind: CardPath, files: readonly string[]): string[] {
    const suffix = SUFFIX[kind]
    return files
      .filter((file) => file.endsWith(suffix) && !file.startsWith('.'))
      .map((file) => file.slice(0, -suffix.length))
  }
}
