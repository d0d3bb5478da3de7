// Every text of the command line that a person reads, in one table, for translation later.
// What a library error says stands with the error; here is what the command line adds.
import type { ErrorCode } from '../errors.ts'
import { CERTIFICATE, ENROLLMENT, STATION } from './messages-certificates.ts'
import { OPTION_TEXTS } from './messages-options.ts'
import { SIGN_IN, SIGN_IN_COMMANDS } from './messages-signin.ts'

const list = (words: readonly string[]) => words.join(', ')
const tries = (count: number) => (count === 1 ? '1 try left' : `${count} tries left`)

export const TEXT = {
  program: 'A PIV smart card whose keys and PIN live in the TPM.',
  helpFooter: `
Files are positional arguments; - means standard input or output. Secrets never go on the command line:
they are asked for on the terminal, or read from a file (--pin-file) with one secret a line.
Environment: TESSERA_HOME (where cards are kept), TESSERA_TCTI (which TPM).
Exit codes: 0 ok, 1 I/O or internal, 2 usage, 3 no card, 4 PIN wrong or needed, 5 PIN blocked,
6 PUK wrong or blocked or help-desk response refused, 7 refused by policy, 8 not supported by this card,
9 TPM unavailable or locked, 10 CA or service refused, 11 the CA has not decided yet.`,
  groups: {
    pin: 'check, change and unblock the PIN',
    key: 'make and manage keys',
    cert: 'make and manage certificates',
    object: 'read and write data objects',
    'admin-key': 'the PIV 9B key, which manages the card through PC/SC',
    'help-desk': 'the other side of pin unblock --help-desk',
    'lab-ca': 'a certificate authority for laboratories and tests, and for nothing else',
    'lab-ca user': 'who may ask it for certificates',
  },

  options: OPTION_TEXTS,
  commands: {
    create: 'make a card in the TPM',
    list: 'list the cards in the TPM and in readers',
    info: 'show a card and its keys',
    rename: 'give a card another name',
    reset: 'destroy a card and make it anew, with the default PIN, PUK and admin key',
    destroy: "make a card's PIN-protected keys unusable for everybody, for good",
    'pin status': 'show the tries left',
    'pin verify': 'check the PIN (PIN file: PIN)',
    'pin change': 'change the PIN (PIN file: old, new)',
    'pin change-puk': 'change the PUK (PIN file: old, new)',
    'pin unblock': 'set a new PIN with the PUK or the help desk (PIN file: PUK, new PIN; with --help-desk: new PIN)',
    'key generate': 'make a key in the TPM and print its public key (PEM)',
    'key list': 'list the keys',
    'key info': 'show a key',
    'key import': 'bring in a private key (PEM)',
    'key move': 'give a key another slot',
    'key delete': 'delete a key',
    'key attest': 'print a certificate that a key was made on the card (PEM)',
    'admin-key change':
      'set the PIV 9B key: default, random (thrown away) or a file; without it, it is asked for (PIN file: PIN, key)',
    sign: 'sign a file',
    verify: "verify a signature with the public key of a slot (the TPM isn't needed)",
    decrypt: 'decrypt a file with an RSA key',
    'cert request': 'print a request for a certificate (PKCS#10), signed by the key that it is for',
    'cert import': 'put a certificate (PEM or DER, with or without its chain) beside the key that it is for',
    'cert export': 'print a certificate (PEM)',
    'cert list': 'list the certificates',
    'cert show': 'show whom a certificate is for, how long, and which programs would pass it over',
    'cert delete': 'delete a certificate',
    'cert self-sign': 'have a key sign a certificate for itself, so that other programs see the key',
    enroll: 'get a certificate from a CA for a key on the card (slot: 9a unless given)',
    station: 'make a card and enrol it for somebody, who changes its PIN first',
    'needs-renewal': 'say whether a certificate is near its end (exit code 0: yes, 1: no)',
    'object list': 'list the data objects',
    'object get': 'read a data object, by tag (5fc102) or name (chuid)',
    'object put': 'write a data object',
    'object delete': 'delete a data object',
    'help-desk respond': 'answer a challenge of pin unblock --help-desk',
    serve: 'put cards into PC/SC, for every program of this machine, until stopped',
    ...SIGN_IN_COMMANDS,
    'lab-ca start': 'run the CA until it is stopped; the first time, make it',
    'lab-ca user add': 'add a user, or change one (PIN file: password)',
    'lab-ca list': 'list the requests and what became of them',
    'lab-ca approve': 'issue what a request asks for that waits',
    'lab-ca deny': 'refuse a request that waits',
    'lab-ca revoke': 'revoke the certificate that a request got',
    doctor: 'say what works on this machine and what is missing',
    completion: 'print what makes a shell complete command lines: bash, zsh or fish',
  },

  prompt: {
    pin: (card: string, left?: number) => `PIN of card '${card}'${left === undefined ? '' : ` (${tries(left)})`}: `,
    puk: (card: string, left?: number) => `PUK of card '${card}'${left === undefined ? '' : ` (${tries(left)})`}: `,
    newPin: 'New PIN (6 to 8 digits): ',
    newPuk: 'New PUK (8 characters): ',
    again: 'The same again: ',
    ownerPassword: "The TPM's owner password: ",
    passphrase: 'Passphrase of the private key: ',
    response: 'Response: ',
    password: (user: string) => `Password of user '${user}': `,
    destroy: (name: string) => `Type the card's name (${name}) to destroy it: `,
    reset: (name: string) => `Type the card's name (${name}) to lose its keys and make it anew: `,
    adminKey: 'Admin key (hexadecimal digits): ',
    newAdminKey: 'New admin key (32, 48 or 64 hexadecimal digits): ',
    yes: (question: string) => `${question} Type yes to go on: `,
  },
  what: {
    pin: 'PIN',
    newPin: 'new PIN',
    puk: 'PUK',
    newPuk: 'new PUK',
    ownerPassword: 'owner password',
    passphrase: 'passphrase',
    response: 'response',
    adminKey: 'admin key',
    newAdminKey: 'new admin key',
    password: 'password',
  },
  differ: 'The two entries differ. Enter both again.',
  entryTooLong: (most: number) => `More than ${most} characters. Enter it again.`,

  error: {
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
      `The file given with ${option} cannot be read (${reason}). Secrets are not taken from the command line: write the secret to a file of mode 0600 and name that file.`,
    adminKey: (source: string) =>
      `What ${source} gives is no admin key. It is 32, 48 or 64 hexadecimal digits, in a file on one line; 3DES: and 48 of them for 3DES.`,
    createPinFile:
      'create takes no --pin-file: use --pin FILE and --puk FILE (or --pin prompt), so that it is plain which is which.',
    stdinTwice: (first: string, second: string) =>
      `Standard input can be read once: ${first} and ${second} cannot both be -.`,
    stdoutTwice: '--json and -o - both want standard output. Use one of them.',
    binaryToTerminal: 'The result is binary and standard output is a terminal. Use -o FILE, a pipe, or -o - to insist.',
    unreadable: (path: string, reason: string) => `Cannot read ${path}: ${reason}.`,
    unwritable: (path: string, reason: string) => `Cannot write ${path}: ${reason}.`,
    tooLong: (path: string, most: number) => `${path} is longer than ${most} octets: that is not the right file.`,
    notPublicKey: (path: string) => `${path} is not a public key in PEM (SPKI, "BEGIN PUBLIC KEY").`,
    notPrivateKey: (path: string) => `${path} is not a private key in PEM, or its passphrase is another one.`,
    privateInsteadOfPublic: (path: string) =>
      `${path} is a private key. The help desk's private key must not come to this machine: give its public key (openssl pkey -pubout).`,
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
    bothWays: 'Either vpcd listens (--vpcd) or tessera does (--listen). Give one of them.',
    sameSlot: (slot: string) => `The key is in slot ${slot} already. Name the slot that it has, then another one.`,
    derChain: 'DER holds one certificate. For the chain use --format pem.',
    noCert: (slot: string) => `There is no certificate in slot ${slot}. See what there is: tessera cert list.`,
    noObject: (tag: string) => `There is no data object ${tag} on this card. See what there is: tessera object list.`,
    emptyObject: (path: string) =>
      `${path} is empty, and an empty object is none. To delete it: tessera object delete.`,
    shell: (shell: string, known: readonly string[]) => `There is no completion for '${shell}'. Use ${list(known)}.`,
    notConfirmed: 'Not confirmed. Nothing was changed.',
    needsYes: (what: string) => `${what} Say that you mean it with --yes.`,
    lastTry: (what: string) => `One ${what} try is left, and a wrong ${what} would block it. Nothing was sent.`,
    pinBlocked:
      'The PIN is blocked: too many wrong tries. Three ways out: tessera pin unblock (with the PUK), tessera pin unblock --help-desk, or tessera destroy and a new card.',
    listen: (text: string) => `'${text}' is no address with a port. Write it as in 127.0.0.1:8443 or [::1]:8443.`,
    caCurve: "The CA's key is on P-256 or P-384.",
    requestId: (text: string) => `'${text}' is no number of a request. See them: tessera lab-ca list.`,
    idOrAll: 'Say which request: its number, or --all.',
    changeRequired:
      'This card still has its first PIN, which must be changed before a private key is used: tessera pin change.',
    internal: (message: string) =>
      `Internal error: ${message}. Please report it, with the output of the same command with --log-level debug.`,
    range: (low: number, high: number) => `It is a whole number from ${low} to ${high}.`,
    noCommand: (help: string) => `No command was given.${help === '' ? '' : `\n\n${help}`}`,
    usage: (message: string) => `${message}\nSee tessera --help, or --help after a command.`,
    cause: 'caused by',
  },

  warn: {
    secretFileOpen: (option: string, mode: string) =>
      `The file given with ${option} can be read by others (mode ${mode}). Use chmod 600 on it.`,
    label: 'Warning: ',
    defaults: {
      pin: 'the PIN is the default one. Change it: tessera pin change.',
      puk: 'the PUK is the default one. Change it: tessera pin change-puk.',
      adminKey: 'the admin key is the default one. Change it: tessera admin-key change.',
    },
    mustChange: 'the PIN must be changed before a private key is used: tessera pin change.',
    neverKeys: (slots: readonly string[]) =>
      `Keys with PIN policy never do not hang on the PIN: copies of the card file keep working for ${list(slots)} as long as this TPM is not cleared.`,
    resetHalf: (name: string) =>
      `card '${name}' is destroyed, and the new one could not be made. Make it: tessera create ${name}.`,
    listed: (name: string, message: string) => `${name}: ${message}`,
    labCaOpen: (host: string) =>
      `the CA listens at ${host}, where other machines can reach it. It is for laboratories: its users' passwords and its key are worth no more than this machine.`,
    lastTry: (what: string) => `One ${what} try is left.`,
  },

  done: {
    created: (name: string) => `Card '${name}' is made.`,
    destroyed: (name: string) =>
      `Card '${name}' is destroyed. Nobody can use its PIN-protected keys again, not with copies of its file either.`,
    renamed: (name: string, newName: string) => `Card '${name}' is called '${newName}' now.`,
    reset: (name: string) => `Card '${name}' is made anew. Its old keys are gone for good.`,
    pinRight: (left?: number) => (left === undefined ? 'The PIN is right.' : `The PIN is right, ${tries(left)}.`),
    pinChanged: 'The PIN is changed.',
    pukChanged: 'The PUK is changed.',
    unblocked: (left?: number) =>
      left === undefined ? 'The PIN is set.' : `The PIN is set, and has all its tries back: ${tries(left)}.`,
    keyMade: (slot: string, algorithm: string, policy: string) =>
      `A key ${algorithm} is made in slot ${slot}, PIN policy ${policy}. Its public key:`,
    keyImported: (slot: string, algorithm: string, policy: string) =>
      `The key (${algorithm}) is imported to slot ${slot}, PIN policy ${policy}. The file it came from still holds it: delete that file.`,
    keyMoved: (from: string, to: string) =>
      `The key of slot ${from} is in slot ${to} now. Certificates stay where they are.`,
    keyDeleted: (slot: string) =>
      `The key in slot ${slot} is deleted. Copies of the card file made before still hold it; only tessera destroy ends those.`,
    keyAttested: (slot: string, issued: boolean) =>
      `The key in slot ${slot} was made on the card: the card certifies it.${issued ? ' Its certificate, then that of the attestation key:' : ' Its certificate:'}`,
    attestWorking: 'Asking the card',
    keyDeletedInReader: (slot: string) => `The key in slot ${slot} is deleted.`,
    keyWorking: (algorithm: string) => `Making a key ${algorithm} on the card`,
    cardWorking: 'Making the card in the TPM',
    verified: 'Verified OK',
    notVerified: 'Verification failure: the signature is not by this key, or not over this file.',
    noCards: "No cards. Make one: 'tessera create NAME'.",
    shownIn: (name: string, reader: string) =>
      `Another process has the TPM of card '${name}' and shows the card in the reader '${reader}': using it there.`,
    noKeys: "No keys. Make one: 'tessera key generate 9a'.",
    signed: (path: string) => `The signature is in ${path}.`,
    decrypted: (path: string) => `The decrypted text is in ${path}.`,
    adminKeyChanged: 'The admin key is changed.',
    adminKeyLost: 'The admin key is another one, which nobody has: nobody changes this card any more.',
    adminKeyGone: 'The card has no admin key any more: nobody manages it through PC/SC.',
    certWritten: (slot: string, subject: string) => `The certificate of ${subject} is in slot ${slot}.`,
    certImported: (slot: string, subject: string, chain: number, others: number) =>
      `The certificate of ${subject} is in slot ${slot}${chain === 0 ? '' : `, with ${chain} above it`}.${
        others === 0 ? '' : ` ${others} more in the file have nothing to do with it, and were passed over.`
      }`,
    certExported: (slot: string, path: string) => `The certificate in slot ${slot} is in ${path}.`,
    certDeleted: (slot: string) => `The certificate in slot ${slot} is deleted. The key is still there.`,
    noCerts: "No certificates. Ask a CA for one: 'tessera cert request 9a'.",
    requested: (slot: string, path: string) => `The request for the key in slot ${slot} is in ${path}.`,
    objectRead: (tag: string, path: string) => `Data object ${tag} is in ${path}.`,
    objectWritten: (tag: string, length: number) => `Data object ${tag} is written: ${length} octets.`,
    objectDeleted: (tag: string) => `Data object ${tag} is deleted.`,
  },

  serve: {
    waiting: (name: string, place: string, why?: string) =>
      `${name}: in no reader; it waits for vpcd at ${place}. ${why ?? 'What is missing: tessera doctor.'}`,
    inserted: (name: string) => `${name}: in the reader.`,
    ready: (name: string, place: string) => `Serving card '${name}' at ${place}.`,
    reversed: (version: string) =>
      `vpcd ${version} ends pcscd, and with it every program's way to its cards, as soon as a card that it has connected to is gone. Start serve before pcscd, and do not stop it. A vpcd that listens (--vpcd) has no such fault: docs/serve.md.`,
  },
  labCa: {
    running: (url: string, certificate: string) => `The laboratory CA runs at ${url} until it is stopped (Ctrl-C).
EST:               ${url}/.well-known/est
web enrolment:     ${url}/certsrv
trust it by:       ${certificate}`,
    revocations: (url: string) => `revoked:           ${url} (there is no OCSP)`,
    atOnce: 'Requests of its users are issued at once.',
    pending: 'Requests wait until they are approved: tessera lab-ca approve.',
    userAdded: (name: string, upn: string) => `User '${name}' may ask for certificates, with the UPN ${upn}.`,
    noRequests: 'No requests.',
    nonePending: 'No request waits.',
    columns: ['ID', 'STATE', 'USER', 'TEMPLATE', 'RECEIVED', 'SERIAL NUMBER OR REASON'],
    states: { pending: 'pending', issued: 'issued', denied: 'denied', revoked: 'revoked' },
    approved: (id: number, user: string) => `Request ${id} of user '${user}' is issued.`,
    refused: (id: number, reason: string) => `Request ${id} is denied: ${reason}`,
    denied: (id: number) => `Request ${id} is denied.`,
    denial: 'The administrator of the laboratory CA denied it.',
    revoked: (id: number, path: string) =>
      `The certificate of request ${id} is revoked. The list of revoked certificates is in ${path}.`,
  },
  enrollment: ENROLLMENT,
  station: STATION,
  signIn: SIGN_IN,

  helpDesk: {
    challenge: 'Read this challenge to the help desk. It is good for 15 minutes and for this window only:',
    about: (cardId: string) => `This unblocks the PIN of the card with the id ${cardId}.`,
    ask: 'Is that the id of the card in your records, and the caller its holder?',
  },
  confirm: {
    overwrite: (slot: string) => `Slot ${slot} has a key already, and it would be gone for good.`,
    replaceUser: (user: string) => `There is a user '${user}' already, whose password and names would be replaced.`,
    delete: (slot: string) => `The key in slot ${slot} would be gone for good.`,
    overwriteCert: (slot: string) => `Slot ${slot} has a certificate already, and it would be gone for good.`,
    deleteCert: (slot: string) => `The certificate in slot ${slot} would be gone for good.`,
    unfitCert: (findings: readonly string[]) => `This certificate would be of little use: ${findings.join('; ')}.`,
    deleteObject: (tag: string) => `Data object ${tag} would be gone for good.`,
  },

  field: {
    name: 'Card',
    cardId: 'Id',
    assurance: 'Assurance',
    assurances: {
      hardware: 'hardware (a TPM chip or firmware TPM)',
      software: 'software (a simulated TPM: for development and tests)',
    },
    tcti: 'TPM',
    created: 'Made',
    path: 'File',
    pinTries: 'PIN tries',
    pukTries: 'PUK tries',
    noPuk: 'no PUK',
    helpDesk: 'Help desk',
    adminKey: 'Admin key',
    yes: 'yes',
    no: 'no',
    pin: 'PIN',
    puk: 'PUK',
    keys: 'Keys',
    slot: 'Slot',
    algorithm: 'Algorithm',
    pinPolicy: 'PIN policy',
    origin: 'Origin',
    keyLine: (slot: string, name: string, algorithm: string, policy: string, origin: string) =>
      `${slot}  ${name}  ${algorithm}  PIN ${policy}  ${origin}`,
    triesOf: (left: number | undefined, limit: number | undefined) =>
      left === undefined
        ? `tries left unknown${limit === undefined ? '' : `, of ${limit}`}`
        : limit === undefined
          ? tries(left)
          : `${left} of ${limit} tries left`,
    blocked: 'blocked. Unblock it: tessera pin unblock',
    advisory: '(counted on this machine: the TPM says it to its owner only)',
    columns: ['NAME', 'STATE', 'PIN TRIES', 'KEYS', 'ASSURANCE', 'WHERE'],
    certificateColumns: ['CARD', 'SLOT', 'CERTIFICATE', 'VALID UNTIL'],
    states: {
      ready: 'ready',
      'must-change-pin': 'first PIN must be changed',
      'pin-blocked': 'PIN blocked',
      'puk-blocked': 'PUK blocked',
      'in-use': 'in use by another process',
      busy: 'busy',
      'other-tpm': 'other or cleared TPM',
      dead: 'dead: its counter is gone',
      unreadable: 'file unreadable',
      'no-piv': 'no PIV card',
      unusable: 'cannot be used',
      'not-asked': 'not asked',
    },
    listedTries: (left: number | undefined, limit: number | undefined, advisory: boolean) =>
      left === undefined ? 'unknown' : `${advisory ? 'about ' : ''}${left}${limit === undefined ? '' : ` of ${limit}`}`,
    shows: (card: string) => `card '${card}' of this machine`,
    expired: (day: string) => `expired ${day}`,
    damaged: 'damaged',
    certificateLine: (slot: string, subject: string, end: string) => `${slot}  ${subject}  until ${end}`,
    state: 'State',
    certificates: 'Certificates',
    beyond: 'Beyond PIV',
    version: (version: string) => `what Yubico's cards of version ${version} have`,
    nothingBeyond: 'nothing: keys are known by their certificates',
    serial: 'Serial',
    certLine: (slot: string, subject: string, until: string) => `${slot}  ${subject}  until ${until}`,
    certificate: CERTIFICATE,
    finding: { ok: 'ok', warning: 'warning', missing: 'missing' },
  },
} as const

/** What to do at the command line about an error whose own message cannot know the command. */
export const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_PIN_LAST_TRY: 'If you are sure of it, use --last-try.',
  ERR_PUK_ABSENT: 'With the help desk: tessera pin unblock --help-desk.',
  ERR_NO_ENGINE: 'To sign in, where the service takes signed challenges: tessera signin --method challenge.',
  ERR_TPM_ABSENT: 'See what is there: tessera doctor.',
  ERR_TPM_PERMISSION: 'See what is missing: tessera doctor.',
}
