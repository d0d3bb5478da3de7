// Every text of the command line for people, in one table, for translation later. The messages of library errors are
// with the errors; the command line's additions are here.
import { CERTIFICATE, ENROLLMENT, STATION, TIMER } from './messages-certificates.ts'
import { COMMAND_TEXTS, GROUPS } from './messages-commands.ts'
import { ERROR } from './messages-errors.ts'
import { HELP_FOOTER, PROGRAM } from './messages-help.ts'
import { OPTION_TEXTS } from './messages-options.ts'
import { SIGN_IN } from './messages-signin.ts'
import { inShell } from './plain.ts'

const list = (words: readonly string[]) => words.join(', ')
const tries = (count: number) => (count === 1 ? '1 try left' : `${count} tries left`)

/** How a sentence ends about what follows it, or is in a file. */
const written = (path?: string, several = false) =>
  path === undefined ? ':' : ` ${several ? 'were' : 'was'} written to ${path}.`

const notStored = (others: number) =>
  others === 1
    ? '1 other certificate in the file does not belong to it, and was not stored.'
    : `${others} others in the file do not belong to it, and were not stored.`

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
    again: 'Enter it again: ',
    ownerPassword: "The TPM's owner password: ",
    passphrase: 'Passphrase of the private key: ',
    response: 'Response: ',
    password: (user: string) => `Password of user '${user}': `,
    removeDead: (name: string) =>
      `This removes only the file of the card, and nothing in a TPM. To remove it, type the card's name (${name}): `,
    destroy: (name: string) => `To destroy the card, type the card's name (${name}): `,
    reset: (name: string) => `To delete its keys and make the card again, type the card's name (${name}): `,
    adminKey: 'Admin key (hexadecimal digits): ',
    newAdminKey: 'New admin key (32, 48 or 64 hexadecimal digits): ',
    yes: (question: string) => `${question} Type yes to continue: `,
  },
  what: {
    pin: 'PIN',
    newPin: 'new PIN',
    agentPin: "PIN of the enrolment agent's card",
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

  validate: {
    progress: (done: number, total: number, title: string, minutes: string) =>
      `${done} of ${total}, ${minutes} left: ${title}`,
    minutes: (seconds: number) => (seconds < 60 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`),
    counts: (fail: number, deviates: number, pass: number, rest: number) =>
      `${fail} failed, ${deviates} deviate, ${pass} passed, ${rest} without a verdict or not run.`,
    written: (folder: string) => `The report is in ${folder}: report.html, report.json and junit.xml.`,
    stopped: (folder: string) => `The run was stopped. Go on with: --resume --out ${folder}.`,
    classes: (known: string) => `--classes names some of ${known}, with commas between.`,
    both: 'One at a time: give one of --card, --tpm and --simulate.',
    notResumed: (folder: string) =>
      `The report in ${folder} is one with other classes. Leave out --resume, or use another folder.`,
    same: 'The reports do not differ in what passed and what failed.',
    two: 'Give two reports at least.',
  },
  trace: {
    unknown: (lines: number) => `${lines} ${lines === 1 ? 'line was' : 'lines were'} not understood.`,
    none: (file: string) => `${file} is no trace: no line of it was understood.`,
    tooLong: (most: number) => `The trace has more than ${most} exchanges. Cut it into parts (split -l ${most} FILE).`,
    octets: (count: number) => `(${count} octets)`,
    written: (count: number, path: string) => `${count} exchanges were written to ${path}.`,
  },
  error: ERROR,
  warn: {
    secretFileOpen: (option: string, mode: string) =>
      `The file given with ${option} can be read by others (mode ${mode}). Use chmod 600 on it.`,
    label: 'Warning: ',
    oldSpelling: (old: string, now: string) => `${old} is now called ${now}. The old name still works in this version.`,
    defaults: {
      pin: (card: string) => `the PIN is the default one. Change it: tessera --card ${inShell(card)} pin change.`,
      puk: (card: string) =>
        `the PUK is the default one. Unless it is blocked, change it: tessera --card ${inShell(card)} pin change-puk.`,
      adminKey: (card: string) =>
        `the admin key is the default one. Change it: tessera --card ${inShell(card)} admin-key change.`,
    },
    weakPin: {
      known: 'this PIN is one of the first that anybody would try. Choose another: tessera pin change.',
      run: 'the digits of this PIN follow each other, so it is easy to guess. Choose another: tessera pin change.',
      repeated: 'this PIN repeats a few digits, so it is easy to guess. Choose another: tessera pin change.',
    },
    mustChange: (card: string) =>
      `the PIN must be changed before a private key is used: tessera --card ${inShell(card)} pin change.`,
    dead: {
      'other-tpm':
        'Certain: nobody can use its keys in the TPM that is there now. If that TPM was cleared, they are gone for good. Not certain: if the card was made in another TPM that still exists, a copy of its file works there, with the PIN. Revoke its certificates.',
      'no-state':
        'Certain: nobody can use its keys without the state of its software TPM, which is gone or damaged. Not certain: anybody who has copies of that state and of the card file can use them, with the PIN. Revoke its certificates.',
      'damaged-file':
        'Certain: the card cannot be used from here. Not certain: its PIN and PUK counters are still in their TPM, where an older copy of the file works, with the PIN; they still take up two NV indices of the TPM. Revoke its certificates.',
      address:
        'Certain: the card cannot be used from here. Not certain: the file named a TPM that is never opened just because a file names it, so no TPM was asked. The card may still exist: in its own TPM, a copy of the file works, with the PIN. Revoke its certificates.',
    },
    neverKeys: (slots: readonly string[]) =>
      `Keys with the PIN policy 'never' do not depend on the PIN: copies of the card file can use ${list(slots)} until this TPM is cleared.`,
    resetHalf: (name: string) =>
      `card '${name}' was destroyed, but the new one could not be made. Make it: tessera create ${name}.`,
    listed: (name: string, message: string) => `${name}: ${message}`,
    labCaOpen: (host: string) =>
      `the CA listens at ${host}, where other machines can reach it. It is for laboratories: its users' passwords and its key are only as safe as this machine.`,
    lastTry: (what: string) => `One ${what} try is left.`,
  },

  done: {
    created: (name: string) => `Card '${name}' was created.`,
    removed: (name: string) => `The file of card '${name}' was removed. No TPM was changed.`,
    destroyed: (name: string) =>
      `Card '${name}' was destroyed. Nobody can use its PIN-protected keys again, not even with copies of its file.`,
    renamed: (name: string, newName: string) => `Card '${name}' is now called '${newName}'.`,
    reset: (name: string) => `Card '${name}' was made again. Its old keys are gone for good.`,
    pinRight: (left?: number) => (left === undefined ? 'The PIN is right.' : `The PIN is right, ${tries(left)}.`),
    pinChanged: 'The PIN was changed.',
    pukChanged: 'The PUK was changed.',
    unblocked: (left?: number) =>
      left === undefined ? 'The new PIN is set.' : `The new PIN is set, with all its tries: ${tries(left)}.`,
    keyMade: (slot: string, algorithm: string, policy: string, path?: string) =>
      `A ${algorithm} key was made in slot ${slot}, with PIN policy ${policy}. Its public key${written(path)}`,
    keyImported: (slot: string, algorithm: string, policy: string) =>
      `The ${algorithm} key was imported into slot ${slot}, with PIN policy ${policy}. Its file still holds the key: delete that file.`,
    keyMoved: (from: string, to: string) => `The key of slot ${from} is now in slot ${to}. Certificates are not moved.`,
    keyDeleted: (slot: string) =>
      `The key in slot ${slot} was deleted. Older copies of the card file still hold it; only tessera destroy NAME makes them useless.`,
    keyAttested: (slot: string, issued: boolean, path?: string) =>
      `The key in slot ${slot} was made on the card: the card certifies it. Its certificate${issued ? ' and that of the attestation key' : ''}${written(path, issued)}`,
    attestWorking: 'Asking the card',
    evidenceWritten: (slot: string, path: string) => `Evidence about the key in slot ${slot} was written to ${path}.`,
    keyDeletedInReader: (slot: string) => `The key in slot ${slot} was deleted.`,
    keyWorking: (algorithm: string) => `Making a ${algorithm} key on the card`,
    cardWorking: 'Making the card in the TPM',
    verified: 'Verified OK',
    notVerified: 'Verification failure: the signature was made with another key, or for another file.',
    noCards: "No cards. Make one: 'tessera create NAME'.",
    throwAway: (name: string, pin: string) =>
      `The card '${name}' is this program's alone, and is gone after it. Its PIN is ${pin} (TESSERA_PIN).`,
    shownIn: (name: string, reader: string) =>
      `Another process uses the TPM of card '${name}' and serves the card in the reader '${reader}'. The card is used there.`,
    noKeys: "No keys. Make one: 'tessera key generate 9a'.",
    noKeysSeen:
      'The card reports no keys. It cannot report a key without a certificate: name the public key (--public-key FILE), or import the certificate.',
    signed: (path: string) => `The signature was written to ${path}.`,
    decrypted: (path: string) => `The decrypted text was written to ${path}.`,
    adminKeyChanged: 'The admin key was changed.',
    adminKeyProtected:
      'The admin key is a random one now, which the card keeps behind its PIN. Changes of the card need the PIN alone.',
    adminKeyLost: 'The admin key was replaced by one that nobody knows: this card can no longer be changed.',
    adminKeyGone: 'The card no longer has an admin key: it cannot be managed through PC/SC.',
    certWritten: (slot: string, subject: string) => `The certificate of ${subject} is in slot ${slot}.`,
    certImported: (slot: string, subject: string, chain: number, others: number) =>
      `The certificate of ${subject} is in slot ${slot}${chain === 0 ? '' : `, with ${chain} above it`}.${
        others === 0 ? '' : ` ${notStored(others)}`
      }`,
    certExported: (slot: string, path: string) => `The certificate in slot ${slot} was written to ${path}.`,
    certDeleted: (slot: string) => `The certificate in slot ${slot} was deleted. The key is still there.`,
    noCerts: "No certificates. Ask a CA for one: 'tessera cert request 9a'.",
    requested: (slot: string, path: string) => `The request for the key in slot ${slot} was written to ${path}.`,
    objectRead: (tag: string, path: string) => `Data object ${tag} was written to ${path}.`,
    objectWritten: (tag: string, length: number) => `Data object ${tag} was stored: ${length} octets.`,
    objectDeleted: (tag: string) => `Data object ${tag} was deleted.`,
  },

  serve: {
    waiting: (name: string, place: string, why?: string) =>
      `${name}: not in a reader yet; waiting for vpcd at ${place}. ${why ?? 'To see what is missing: tessera doctor.'}`,
    inserted: (name: string) => `${name}: in the reader.`,
    ready: (name: string, place: string) => `Serving card '${name}' at ${place}.`,
    readyPcsc: (name: string, reader: string) => `Serving card '${name}' in the reader '${reader}'.`,
    environment: (socket: string) =>
      `Programs find it there with this in their environment: PCSCLITE_CSOCK_NAME=${socket}`,
    p11Kit: (address: string) => `Those that use PKCS #11 by p11-kit, with this: P11_KIT_SERVER_ADDRESS=${address}`,
    reversed: (version: string) =>
      `vpcd ${version} crashes pcscd as soon as a card that it has connected to goes away, and then no program reaches any card. Start serve before pcscd, and do not stop it. A vpcd that listens (--vpcd) does not have this fault: docs/serve.md.`,
  },
  web: {
    opened:
      'The page of your cards is open in your browser. If you do not see it, open this address, which works once:',
    address: 'Open this address in a browser of this computer. It works once:',
    ends: 'The page ends five minutes after it was last open, or by Ctrl-C.',
    ended: 'No page was open for five minutes: it has ended.',
  },
  labCa: {
    running: (url: string, certificate: string) => `The laboratory CA runs at ${url} until it is stopped (Ctrl-C).
EST:               ${url}/.well-known/est
web enrolment:     ${url}/certsrv
trust it by:       ${certificate}`,
    revocations: (url: string) => `revoked:           ${url} (there is no OCSP)`,
    atOnce: 'Requests of its users are approved at once.',
    pending: 'Requests wait until they are approved: tessera lab-ca approve --all.',
    userAdded: (name: string, upn: string) => `User '${name}' may ask for certificates, with the UPN ${upn}.`,
    agentAdded: (name: string) =>
      `With a certificate by the template EnrollmentAgent, '${name}' may also ask for those of other users.`,
    onBehalf: (user: string, by: string) => `${user} (by ${by})`,
    noRequests: 'No requests.',
    nonePending: 'No request is waiting.',
    columns: ['ID', 'STATE', 'USER', 'TEMPLATE', 'RECEIVED', 'SERIAL NUMBER OR REASON'],
    states: { pending: 'pending', issued: 'issued', denied: 'denied', revoked: 'revoked' },
    approved: (id: number, user: string) => `Request ${id} of user '${user}' was approved.`,
    refused: (id: number, reason: string) => `Request ${id} was denied: ${reason}`,
    denied: (id: number) => `Request ${id} was denied.`,
    decided: {
      issued: (id: number) =>
        `Request ${id} was already approved, so it cannot be denied. Revoke its certificate: tessera lab-ca revoke ${id}.`,
      denied: (id: number) =>
        `Request ${id} was already denied, so it cannot be approved. Its user has to make another request.`,
      revoked: (id: number) => `The certificate of request ${id} is already revoked. Nothing was changed.`,
    },
    denial: 'The administrator of the laboratory CA denied it.',
    revoked: (id: number, path: string) =>
      `The certificate of request ${id} was revoked. The list of revoked certificates is in ${path}.`,
  },
  enrollment: ENROLLMENT,
  timer: TIMER,
  station: STATION,
  signIn: SIGN_IN,

  helpDesk: {
    challenge: 'Read this challenge to the help desk. It is valid for 15 minutes, and in this window only:',
    about: (cardId: string, minutes: number) =>
      `For ${minutes} minutes, whoever has the response can set a new PIN on the card with the id ${cardId}.`,
    ask: 'Is this the id of the card in your records, and is the caller its holder?',
  },
  confirm: {
    printed: 'The printed information on the card would be replaced by its admin key.',
    overwrite: (slot: string) => `Slot ${slot} already has a key. It would be deleted for good.`,
    replaceUser: (user: string) => `User '${user}' already exists. The password and names would be replaced.`,
    delete: (slot: string) => `The key in slot ${slot} would be deleted for good.`,
    overwriteUnknown: (slot: string) =>
      `Slot ${slot} may have a key: it has a certificate, or something that Tessera does not understand, or the card does not report keys. A key there would be deleted for good.`,
    overwriteCert: (slot: string) => `Slot ${slot} already has a certificate. It would be deleted for good.`,
    deleteCert: (slot: string) => `The certificate in slot ${slot} would be deleted for good.`,
    unfitCert: (findings: readonly string[]) => `This certificate would be of little use: ${findings.join('; ')}.`,
    deleteObject: (tag: string) => `Data object ${tag} would be deleted for good.`,
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
    created: 'Created',
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
    weak: (algorithm: string) => `${algorithm} (broken: make a new key)`,
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
      none: (name: string) => `Nobody can unblock it. Make the card again, without its keys: tessera reset ${name}.`,
      noneInReader: 'Only the tools of its maker may be able to unblock it.',
    },
    advisory: '(counted on this machine: the TPM tells only its owner)',
    columns: ['NAME', 'STATE', 'PIN TRIES', 'KEYS', 'ASSURANCE', 'WHERE'],
    certificateColumns: ['CARD', 'SLOT', 'CERTIFICATE', 'VALID UNTIL'],
    states: {
      ready: 'ready',
      'must-change-pin': 'first PIN must be changed',
      'pin-blocked': 'PIN blocked',
      'puk-blocked': 'PUK blocked',
      'in-use': 'in use by another process',
      busy: 'busy',
      'other-tpm': 'another TPM, or a cleared one',
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
    version: (version: string) => `the commands of Yubico's cards, version ${version}`,
    nothingBeyond: 'nothing: keys are found by their certificates',
    serial: 'Serial',
    certificate: CERTIFICATE,
    finding: { ok: 'ok', warning: 'warning', missing: 'missing' },
  },
} as const
