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
    `The ${what} is needed, and there is no terminal to ask on. Give a file with one secret on each line: --pin-file FILE, or --pin-file - for standard input.`,
  noTerminalOption: (what: string, option: string) =>
    `The ${what} is needed, and there is no terminal to ask on. Give it in a file with ${option}.`,
  nothingEntered: (what: string) => `No ${what} was entered. Nothing was sent to the card.`,

  secretFileShort: (option: string, what: string, line: number) =>
    `The file given with ${option} has no line ${line}, where the ${what} is expected. Such a file holds one secret on each line.`,
  secretFileLong: (option: string, most: number) =>
    `The file given with ${option} is longer than ${most} octets, so it cannot be a file of secrets.`,
  secretFileUnreadable: (option: string, reason: string) =>
    `The file given with ${option} cannot be read: ${why(reason)}. Secrets are not taken from the command line: write the secret to a file of mode 0600 and name that file.`,
  adminKey: (source: string) =>
    `The key given with ${source} is not an admin key. An admin key is 32, 48 or 64 hexadecimal digits on one line; for 3DES, it is 3DES: and 48 digits.`,
  protectInTpm:
    'A card in the TPM is managed with its PIN alone already, and keeps no admin key in its file. This is for cards in readers: --card reader:TEXT.',
  shellWithoutPcsc: '--shell is for serve --pcsc: a vpcd needs nothing in the environment of programs.',
  labTcti:
    'run --create and lab make their card in a TPM of their own. Leave --tcti out; tessera create NAME makes a card in another TPM.',
  createPinFile:
    'A new card takes no --pin-file. Use --pin FILE and --puk FILE, or --pin prompt, so that it is clear which is which.',
  stdinTwice: (first: string, second: string) =>
    `Standard input can be read only once: ${first} and ${second} cannot both be -.`,
  stdoutTwice: '--json and -o - both write to standard output. Use one of them.',
  binaryToTerminal:
    'The result is binary and standard output is a terminal. Use -o FILE or a pipe; -o - writes it to the terminal all the same.',
  unreadable: (path: string, reason: string) => `Cannot read ${path}: ${why(reason)}.`,
  unwritable: (path: string, reason: string) => `Cannot write ${path}: ${why(reason)}.`,
  tooLong: (path: string, most: number) => `${path} is longer than ${most} octets, so it cannot be the right file.`,
  notPublicKey: (path: string) => `${path} is not a public key in PEM (SPKI, "BEGIN PUBLIC KEY").`,
  notPrivateKey: (path: string) => `${path} is not a private key in PEM, or the passphrase is wrong.`,
  privateInsteadOfPublic: (path: string) =>
    `${path} is a private key. The help desk's private key must not come to this machine: give its public key (openssl pkey -in PRIVATE.pem -pubout).`,
  noPuk: 'This card was made without a PUK: only its help desk, if it has one, can unblock it.',
  noKey: (slot: string) =>
    `There is no key in slot ${slot}. List the keys: tessera key list. Make one: tessera key generate ${slot}.`,
  noCardsAtAll: "There is no card, in a TPM or in a reader. Make one: 'tessera create NAME'.",
  noTpmCards: "There is no card in the TPM. Make one: 'tessera create NAME'.",
  program: {
    notFound: (program: string, _: string) =>
      `There is no program ${JSON.stringify(program)}. Give its path, or a name that is in one of the folders of PATH.`,
    notStarted: (program: string, reason: string) =>
      `${JSON.stringify(program)} could not be started: ${why(reason)}. Check that it is a program that you may run.`,
  },
  ambiguous: (names: readonly string[]) => `There is more than one card. Choose one with --card: ${list(names)}.`,
  reader:
    'This works only with a card in the TPM of this machine, not with a card in a reader. Use its name: see tessera list.',
  destroyUnconfirmed: (name: string) =>
    `Destroying card '${name}' cannot be undone. To confirm: tessera destroy ${name} --yes.`,
  resetUnconfirmed: (name: string) =>
    `Resetting card '${name}' destroys its keys, and that cannot be undone. To confirm: tessera reset ${name} --yes.`,
  servedTwice: 'A card can be served only once. Name each card once.',
  pcscAndVpcd:
    'A card goes into one kind of reader: a socket of your own (--pcsc), or a reader of vpcd (--vpcd, --vpcd-listen). Give one of them.',
  bothWays: 'Either vpcd listens (--vpcd) or Tessera does (--vpcd-listen). Give one of them.',
  noVpcd: (place: string) =>
    `No card can be shown to other programs here: vpcd, which puts it into PC/SC, is not installed. On Debian and Ubuntu: apt-get install pcscd vsmartcard-vpcd. Programs that you start yourself find the card without it: tessera run PROGRAM. To wait for a vpcd that starts later: tessera serve NAME --vpcd ${place}.`,
  sameSlot: (slot: string) => `The key is already in slot ${slot}. Name the slot where the key is, then another one.`,
  derChain: 'DER holds one certificate. For the chain use --format pem.',
  noCert: (slot: string) => `There is no certificate in slot ${slot}. List the certificates: tessera cert list.`,
  noObject: (tag: string) => `There is no data object ${tag} on this card. List the objects: tessera object list.`,
  emptyObject: (path: string) =>
    `${path} is empty, and a data object cannot be empty. To delete the object: tessera object delete TAG.`,
  shell: (shell: string, known: readonly string[]) => `There is no completion for '${shell}'. Use ${list(known)}.`,
  notConfirmed: 'Not confirmed. Nothing was changed.',
  needsYes: (what: string) => `${what} To confirm, use --yes.`,
  lastTry: (what: string) => `One ${what} try is left, and a wrong ${what} would block it. Nothing was sent.`,
  pinBlocked: (ways: string) => `The PIN is blocked: too many wrong tries. ${ways}`,
  noRoots:
    'Nothing to verify the evidence with: name the certificates of the CAs that you trust (--roots FILE), or the makers whose roots come with Tessera (--makers). Without any, evidence can only be read: --tier self.',
  noNonce:
    'Evidence answers a nonce: give the one that the CA or the service asks with (--nonce HEX). Only --format yubico has none.',
  nonce: (least: number, most: number) =>
    `A nonce is ${least} to ${most} octets in hexadecimal digits. To make one: openssl rand -hex 16.`,
  listen: (text: string) => `'${text}' is not an address with a port. Write it like 127.0.0.1:8443 or [::1]:8443.`,
  caCurve: "The CA's key can only be P-256 or P-384.",
  requestId: (text: string) => `'${text}' is not the number of a request. List them: tessera lab-ca list.`,
  idOrAll: 'Name the number of a request, or use --all.',
  internal: (message: string) =>
    `Internal error: ${message}. Please report it, with the output of the same command with --log-level debug.`,
  unsettled: 'The command did not finish: it was waiting for something that can no longer happen',
  range: (low: number, high: number) => `It must be a whole number from ${low} to ${high}.`,
  noCommand: (help: string) => `No command was given.${help === '' ? '' : `\n\n${help}`}`,
  optionOfProgram: 'If it is an option of the program that is to run, put -- before the program.',
  usage: (message: string) => `${message}\nSee tessera --help, or --help after a command.`,
  cause: 'caused by',
} as const

/** Advice at the command line, for errors whose own message cannot name a command. */
export const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_PIN_LAST_TRY: 'If you are sure that it is right, use --last-try.',
  ERR_PUK_ABSENT: 'To see how the PIN can be unblocked: tessera pin status.',
  ERR_NO_PROVIDER: 'If the service accepts signed challenges, sign in with: tessera signin ADDRESS --method challenge.',
  ERR_TPM_BUSY: 'If a signed-in session uses it (see tessera accounts), tessera signout releases it.',
  ERR_TPM_ABSENT: 'To see what is there: tessera doctor.',
  ERR_TPM_PERMISSION: 'To see what is missing: tessera doctor.',
}
