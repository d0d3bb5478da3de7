// Every text of the command line for people, in one table, for translation later. The messages of library errors are
// with the errors; the command line's additions are here.
import { CERTIFICATE, ENROLLMENT, STATION, TIMER } from './messages-certificates.ts'
import { COMMAND_TEXTS, GROUPS } from './messages-commands.ts'
import { ERROR } from './messages-errors.ts'
import { HELP_FOOTER, PROGRAM } from './messages-help.ts'
import { OPTION_TEXTS } from './messages-options.ts'
import { SIGN_IN } from './messages-signin.ts'

const list = (words: readonly string[]) => words.join(', ')
const tries = (count: number) => (count === 1 ? '1 try left' : `${count} tries left`)

export const TEXT = {
  program: PROGRAM,
  helpFooter: HELP_FOOTER,
  groups: GROUPS,
  commands: COMMAND_TEXTS,
  options: OPTION_TEXTS,

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
    removeDead: (name: string) =>
      `Only its file can be removed, and nothing in a TPM. Type the card's name (${name}) to do so: `,
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
  output: 'the output',
  differ: 'The two entries differ. Enter both again.',
  entryTooLong: (most: number) => `More than ${most} characters. Enter it again.`,

  error: ERROR,
  warn: {
    secretFileOpen: (option: string, mode: string) =>
      `The file given with ${option} can be read by others (mode ${mode}). Use chmod 600 on it.`,
    label: 'Warning: ',
    oldSpelling: (old: string, now: string) => `${old} is called ${now} now. The old name works in this version only.`,
    defaults: {
      pin: 'the PIN is the default one. Change it: tessera pin change.',
      puk: 'the PUK is the default one. Unless it is blocked, change it: tessera pin change-puk.',
      adminKey: 'the admin key is the default one. Change it: tessera admin-key change.',
    },
    weakPin: {
      known: 'this PIN is one that everybody tries first. Choose another: tessera pin change.',
      run: 'the digits of this PIN follow each other, which is easy to guess. Choose another: tessera pin change.',
      repeated: 'this PIN repeats a few digits, which is easy to guess. Choose another: tessera pin change.',
    },
    mustChange: 'the PIN must be changed before a private key is used: tessera pin change.',
    dead: {
      'other-tpm':
        'Certain: nobody uses its keys in the TPM that is there now. If that TPM was cleared, they are gone for good. Not certain: if the card was made in another TPM that still exists, a copy of its file works there, with the PIN. Revoke its certificates.',
      'no-state':
        'Certain: nobody uses its keys without the state of its software TPM, which is gone or damaged. Not certain: who has copies of that state and of the card file uses them, with the PIN. Revoke its certificates.',
      'damaged-file':
        'Certain: the card is not used from here. Not certain: its PIN and PUK counters are still in their TPM, where a copy of the file from before works, with the PIN; two indices of the TPM stay taken. Revoke its certificates.',
      address:
        'Certain: the card is not used from here. Not certain: the file said that its TPM is where no file is obeyed, and no TPM was asked. The card may live: in its own TPM a copy of the file works, with the PIN. Revoke its certificates.',
    },
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
    removed: (name: string) => `The file of card '${name}' is removed. Nothing was changed in a TPM.`,
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
      `The key in slot ${slot} is deleted. Copies of the card file made before still hold it; only tessera destroy NAME ends those.`,
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
    noKeysSeen:
      'No key that the card tells of. It cannot tell of a key that has no certificate: name its public key (--public-key FILE), or put its certificate there.',
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
    pending: 'Requests wait until they are approved: tessera lab-ca approve --all.',
    userAdded: (name: string, upn: string) => `User '${name}' may ask for certificates, with the UPN ${upn}.`,
    noRequests: 'No requests.',
    nonePending: 'No request waits.',
    columns: ['ID', 'STATE', 'USER', 'TEMPLATE', 'RECEIVED', 'SERIAL NUMBER OR REASON'],
    states: { pending: 'pending', issued: 'issued', denied: 'denied', revoked: 'revoked' },
    approved: (id: number, user: string) => `Request ${id} of user '${user}' is issued.`,
    refused: (id: number, reason: string) => `Request ${id} is denied: ${reason}`,
    denied: (id: number) => `Request ${id} is denied.`,
    decided: {
      issued: (id: number) =>
        `Request ${id} is issued already, so it cannot be denied. Revoke its certificate: tessera lab-ca revoke ${id}.`,
      denied: (id: number) =>
        `Request ${id} is denied already, so it cannot be approved. Its user has to make another request.`,
      revoked: (id: number) => `Request ${id} was issued, and its certificate is revoked. Nothing was changed.`,
    },
    denial: 'The administrator of the laboratory CA denied it.',
    revoked: (id: number, path: string) =>
      `The certificate of request ${id} is revoked. The list of revoked certificates is in ${path}.`,
  },
  enrollment: ENROLLMENT,
  timer: TIMER,
  station: STATION,
  signIn: SIGN_IN,

  helpDesk: {
    challenge: 'Read this challenge to the help desk. It is good for 15 minutes and for this window only:',
    about: (cardId: string, minutes: number) =>
      `This lets whoever has the response set a new PIN, for ${minutes} minutes, on the card with the id ${cardId}.`,
    ask: 'Is that the id of the card in your records, and the caller its holder?',
  },
  confirm: {
    overwrite: (slot: string) => `Slot ${slot} has a key already, and it would be gone for good.`,
    replaceUser: (user: string) => `There is a user '${user}' already, whose password and names would be replaced.`,
    delete: (slot: string) => `The key in slot ${slot} would be gone for good.`,
    overwriteUnknown: (slot: string) =>
      `Slot ${slot} may have a key: there is something that Tessera does not understand, or a certificate, or the card does not tell. A key there would be gone for good.`,
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
    blocked: (ways: string) => `blocked. ${ways}`,
    waysOut: {
      puk: 'Unblock it with the PUK: tessera pin unblock.',
      helpDesk: 'Unblock it with the help desk: tessera pin unblock --help-desk.',
      none: (name: string) => `Nobody can unblock it. Make the card anew, without its keys: tessera reset ${name}.`,
      noneInReader: 'Nobody can unblock it, but by the means of its maker.',
    },
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
    damaged: 'not understood',
    unusableKey: (slot: string, name: string, algorithm: string | undefined) =>
      `${slot}  ${name}  ${algorithm ?? 'not understood'}  Tessera cannot use it`,
    certificateLine: (slot: string, subject: string, end: string) => `${slot}  ${subject}  until ${end}`,
    state: 'State',
    certificates: 'Certificates',
    beyond: 'Beyond PIV',
    version: (version: string) => `what Yubico's cards of version ${version} have`,
    nothingBeyond: 'nothing: keys are known by their certificates',
    serial: 'Serial',
    certificate: CERTIFICATE,
    finding: { ok: 'ok', warning: 'warning', missing: 'missing' },
  },
} as const
