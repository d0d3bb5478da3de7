// The texts about errors: the command line's own, and its advice on those of the library.
import type { ErrorCode } from '../errors.ts'

const list = (words: readonly string[]) => words.join(', ')

/** Reasons of the system for a failure on a file named on the command line. */
const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is mounted read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'the name is too long',
}
const why = (reason: string) => (WHY[reason] === undefined ? reason : `${WHY[reason]} (${reason})`)

export const ERROR = {
  noTerminal: (what: string) =>
    `The ${what} is needed, and there is no terminal to ask on. Give a file with one secret a line: --pin-file FILE, or --pin-file - for standard input.`,
  noTerminalOption: (what: string, option: string) =>
    `The ${what} is needed, and there is no terminal to ask on. Give it in a file with ${option}.`,
  nothingEntered: (what: string) => `No ${what} was entered. Nothing was sent to the card.`,

  secretFileShort: (option: string, what: string, line: number) =>
    `The file given with ${option} has no line ${line}, where the ${what} is expected. It holds one secret a line.`,
  secretFileLong: (option: string, most: number) =>
    `The file given with ${option} is longer than ${most} octets: that is not a file of secrets.`,
  secretFileUnreadable: (option: string, reason: string) =>
    `The file given with ${option} cannot be read: ${why(reason)}. Secrets are not taken from the command line: write the secret to a file of mode 0600 and name that file.`,
  adminKey: (source: string) =>
    `What ${source} gives is no admin key. It is 32, 48 or 64 hexadecimal digits, in a file on one line; 3DES: and 48 of them for 3DES.`,
  createPinFile:
    'create takes no --pin-file: use --pin FILE and --puk FILE (or --pin prompt), so that it is plain which is which.',
  stdinTwice: (first: string, second: string) =>
    `Standard input can be read once: ${first} and ${second} cannot both be -.`,
  stdoutTwice: '--json and -o - both want standard output. Use one of them.',
  binaryToTerminal: 'The result is binary and standard output is a terminal. Use -o FILE, a pipe, or -o - to insist.',
  unreadable: (path: string, reason: string) => `Cannot read ${path}: ${why(reason)}.`,
  unwritable: (path: string, reason: string) => `Cannot write ${path}: ${why(reason)}.`,
  tooLong: (path: string, most: number) => `${path} is longer than ${most} octets: that is not the right file.`,
  notPublicKey: (path: string) => `${path} is not a public key in PEM (SPKI, "BEGIN PUBLIC KEY").`,
  notPrivateKey: (path: string) => `${path} is not a private key in PEM, or its passphrase is another one.`,
  privateInsteadOfPublic: (path: string) =>
    `${path} is a private key. The help desk's private key must not come to this machine: give its public key (openssl pkey -in PRIVATE.pem -pubout).`,
  noKey: (slot: string) =>
    `There is no key in slot ${slot}. See the keys there are: tessera key list. Make one: tessera key generate ${slot}.`,
  noCardsAtAll: "There is no card, in a TPM or in a reader. Make one: 'tessera create NAME'.",
  ambiguous: (names: readonly string[]) => `There is more than one card. Say which with --card: ${list(names)}.`,
  reader: 'Only a card in the TPM of this machine can do this, not one in a reader. Use its name: see tessera list.',
  destroyUnconfirmed: (name: string) =>
    `Destroying card '${name}' cannot be undone. Say that you mean it: tessera destroy ${name} --yes.`,
  resetUnconfirmed: (name: string) =>
    `Resetting card '${name}' destroys its keys, and that cannot be undone. Say that you mean it: tessera reset ${name} --yes.`,
  servedTwice: 'A card can be served once. Name each card once.',
  bothWays: 'Either vpcd listens (--vpcd) or Tessera does (--vpcd-listen). Give one of them.',
  sameSlot: (slot: string) => `The key is in slot ${slot} already. Name the slot that it has, then another one.`,
  derChain: 'DER holds one certificate. For the chain use --format pem.',
  noCert: (slot: string) => `There is no certificate in slot ${slot}. See what there is: tessera cert list.`,
  noObject: (tag: string) => `There is no data object ${tag} on this card. See what there is: tessera object list.`,
  emptyObject: (path: string) =>
    `${path} is empty, and an empty object is none. To delete it: tessera object delete TAG.`,
  shell: (shell: string, known: readonly string[]) => `There is no completion for '${shell}'. Use ${list(known)}.`,
  notConfirmed: 'Not confirmed. Nothing was changed.',
  needsYes: (what: string) => `${what} Say that you mean it with --yes.`,
  lastTry: (what: string) => `One ${what} try is left, and a wrong ${what} would block it. Nothing was sent.`,
  pinBlocked: (ways: string) => `The PIN is blocked: too many wrong tries. ${ways}`,
  listen: (text: string) => `'${text}' is no address with a port. Write it as in 127.0.0.1:8443 or [::1]:8443.`,
  caCurve: "The CA's key is on P-256 or P-384.",
  requestId: (text: string) => `'${text}' is no number of a request. See them: tessera lab-ca list.`,
  idOrAll: 'Say which request: its number, or --all.',
  internal: (message: string) =>
    `Internal error: ${message}. Please report it, with the output of the same command with --log-level debug.`,
  unsettled: 'The command came to no end: something that it waited for will never happen',
  range: (low: number, high: number) => `It is a whole number from ${low} to ${high}.`,
  noCommand: (help: string) => `No command was given.${help === '' ? '' : `\n\n${help}`}`,
  usage: (message: string) => `${message}\nSee tessera --help, or --help after a command.`,
  cause: 'caused by',
} as const

/** Advice at the command line, for errors whose own message cannot name a command. */
export const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_PIN_LAST_TRY: 'If you are sure of it, use --last-try.',
  ERR_PUK_ABSENT: 'See how it can be unblocked: tessera pin status.',
  ERR_NO_ENGINE: 'To sign in, where the service takes signed challenges: tessera signin ADDRESS --method challenge.',
  ERR_TPM_BUSY: 'If a signed-in session uses it (see tessera accounts), tessera signout releases it.',
  ERR_TPM_ABSENT: 'See what is there: tessera doctor.',
  ERR_TPM_PERMISSION: 'See what is missing: tessera doctor.',
}
