// The texts about certificates and enrolment.

/** A certificate, as `cert show` prints it. */
export const CERTIFICATE = {
  name: 'Name',
  subject: 'For',
  issuer: 'By',
  itself: 'itself (self-signed)',
  valid: 'Valid',
  validity: (from: string, to: string, state: string) => `from ${from} to ${to}${state}`,
  expired: ' (expired)',
  early: ' (not yet)',
  serialNumber: 'Serial number',
  key: 'Key',
  signature: 'Signed by',
  email: 'E-mail',
  upn: 'UPN',
  principal: 'Kerberos',
  sid: 'SID',
  dns: 'DNS',
  uri: 'URI',
  usages: 'Key usage',
  purposes: 'Purposes',
  anything: 'any',
  everything: 'any',
  fingerprint: 'SHA-256',
  oddities: 'Odd',
  chain: 'Chain',
  otherKey: 'the certificate is for a different key from the one in the slot',
  takes: 'Accepted by',
  passes: 'Not accepted by',
  passedOver: (program: string, because: readonly string[]) => `${program}: ${because.join('; ')}`,
  nobody: 'no program that Tessera knows',
} as const

const days = (count: number) => (count === 1 ? '1 day' : `${count} days`)

/** Enrolment, renewal, and the station. */
export const ENROLLMENT = {
  forWants: (program: string, option: string) => `A certificate for ${program} needs ${option}.`,
  whichCa: 'Name the CA: --est https://... or --certsrv https://...',
  oneCa: 'Name one CA: --est or --certsrv, not both.',
  oneLogin: 'Choose one way to log in: --user, --negotiate or --by-certificate.',
  agentFor: 'Use --on-behalf-of USER and --agent CARD together: for whom, and who asks.',
  agentLogsIn:
    'With EST the certificate of the agent is the login: use --agent without --user, --negotiate and --by-certificate.',
  onBehalfOfUpn:
    'With EST, name the user by the user principal name: --on-behalf-of NAME@DOMAIN, or add --upn NAME@DOMAIN.',
  password: (user: string) => `Password of ${user} at the CA: `,
  rememberedCa: (url: string) => `Renewing at the remembered CA: ${url}.`,
  notRemembered: (slot: string, why: string) =>
    `the certificate is in slot ${slot}, but its CA could not be remembered: ${why.replace(/\.$/, '')}. Name the CA again when you renew the certificate (--est URL or --certsrv URL).`,
  doesNotFit: 'the address, a name or the certificates to trust are too long to keep',
  passwordWhat: 'password',
  events: {
    resume: (started: string) => `Resuming the enrolment of ${started}.`,
    key: (slot: string, algorithm: string) => `Making a ${algorithm} key in slot ${slot}.`,
    request: 'Signing the request.',
    submit: (ca: string) => `Sending the request to the CA (${ca}).`,
    wait: (id: string, until: string) => `The CA has not decided on request ${id} yet. Asking again at ${until}.`,
    fetch: 'Asking the CA whether it has decided.',
    check: (subject: string) => `Received the certificate of ${subject}. Checking it.`,
    test: 'Testing the key with a signature.',
    store: (slot: string, retiredTo?: string) =>
      `Storing the certificate in slot ${slot}.${retiredTo === undefined ? '' : ` The old key is kept in slot ${retiredTo}.`}`,
  },
  enrolled: (slot: string, subject: string, until: string) =>
    `The certificate of ${subject} is in slot ${slot}, valid until ${until}.`,
  pending: (id: string, after: string) =>
    `The CA has not decided on request ${id} yet. Run the same command again after ${after}, or with --wait.`,
  abandoned: (slot: string) =>
    `The enrolment into slot ${slot} was given up. What it made was deleted, and the card is as it was.`,
  abandonedKey: (slot: string) =>
    `The enrolment into slot ${slot} was given up. A key stays in the slot, because it now has a certificate, it may be another key, or this card cannot delete keys. See: tessera key list.`,
  abandonedDamaged: (slot: string) =>
    `The file about the enrolment into slot ${slot} was damaged, and was removed. A key that the enrolment made may still be on the card, in slot ${slot} or a retired one (see: tessera key list), and the CA may still have its request.`,
  finished: (slot: string) =>
    `The enrolment into slot ${slot} was almost complete, so it was completed: the new certificate is there.`,
  leftAtCa: (ca: string, id?: string) =>
    `The CA (${ca}) was not told, and may still have the request${id === undefined ? '' : ` ${id}`}.`,
  nothing: (slot: string) => `No enrolment into slot ${slot} is under way.`,
  abandon: (slot: string) => `The request for slot ${slot} and its new key would be given up.`,
  due: (slot: string, subject: string, left: number) =>
    left < 0 ? `${slot}  ${subject}  expired ${days(-left)} ago` : `${slot}  ${subject}  ends in ${days(left)}`,
  notDue: 'Nothing is due.',
  notThere: (card: string) => `The card is not there (${card}), so its certificate was not looked at.`,
  otherCard: (card: string) => `Another card is there (${card}), so the certificate was not looked at.`,
  ifDueRenews: 'Use --if-due with --renew.',
  cardIdIfDue: 'Use --card-id with --if-due.',
  renewalFailed: (card: string, slot: string, at: string, why: string) =>
    `the certificate in slot ${slot} of card '${card}' could not be renewed at ${at}: ${why} Renew it yourself: tessera --card ${card} enroll ${slot} --renew.`,
  warnDue: (slot: string, left: number) =>
    `the certificate in slot ${slot} ${left < 0 ? 'has expired' : `ends in ${days(left)}`}. Renew it: tessera enroll ${slot} --renew (with --est URL or --certsrv URL if it was not enrolled on this computer).`,
} as const

/** The timer of systemd that renews a certificate. */
export const TIMER = {
  header: 'Written by needs-renewal --install-timer, and removed by --remove-timer.',
  both: 'Use --install-timer or --remove-timer, not both.',
  needsPinFile:
    'A renewal that nobody watches needs the PIN in a file that only you can read (chmod 600): --pin-file FILE.',
  needsAdminKeyFile:
    'A card in a reader is changed with its admin key. Put it in a file that only you can read (chmod 600): --admin-key-file FILE.',
  longName: 'The name of the reader is too long for a systemd unit. Name a shorter part of it: --card reader:TEXT.',
  needsPassword: (url: string) =>
    `The CA at ${url} asks for your password. Put it in a file and add --password-file FILE. Or renew once with --by-certificate; Tessera remembers that login.`,
  noCa: (slot: string) =>
    `It is not known which CA the certificate in slot ${slot} is from. Renew it once, and the CA is remembered: tessera enroll ${slot} --renew --est URL.`,
  controlCharacter:
    'This path contains a control character, which a systemd unit cannot hold. Rename the file or folder.',
  program: (path: string) =>
    `systemd cannot start ${path}: the path of a program must not contain quotes, backslashes, $ or control characters. Run this command with Node.js in another folder.`,
  notKept: (option: string) =>
    `The renewal runs later, so ${option} must name a file that stays: not -, /dev/stdin or a pipe.`,
  notPrivate: (option: string, mode: string) =>
    `The file given with ${option} stays on disk, and others can read or write it (mode ${mode}). Use chmod 600 on it.`,
  noSystemd: 'systemd does not run this machine (there is no /run/systemd/system), so nothing starts the timer.',
  installed: (card: string, slot: string, unit: string) =>
    `The certificate in slot ${slot} of card '${card}' will be renewed automatically before it expires${card.startsWith('reader:') ? ', when the card is there' : ''}. systemd starts the timer when you log in.\nTo start it now: systemctl --user daemon-reload && systemctl --user start ${unit}.timer\nTo keep it running while you are logged out: loginctl enable-linger`,
  removed: (card: string, slot: string, unit: string) =>
    `The certificate in slot ${slot} of card '${card}' is no longer renewed automatically. If the timer runs, stop it: systemctl --user stop ${unit}.timer.`,
  left: (card: string, slot: string) =>
    `a timer is still installed for slot ${slot} of card '${card}', and has nothing to renew. Remove it: tessera --card ${card} needs-renewal ${slot} --remove-timer.`,
  renamed: (card: string, slot: string, now: string) =>
    `the timer that renews slot ${slot} still looks for card '${card}'. Remove it: tessera --card ${card} needs-renewal ${slot} --remove-timer. Install it for the new name: tessera --card ${now} needs-renewal ${slot} --install-timer --pin-file FILE.`,
  none: (card: string, slot: string) => `No timer is installed for slot ${slot} of card '${card}'.`,
} as const

/** The sheet for the first user of a card. */
export const STATION = {
  ready: 'The card is ready to hand over.',
  holder: 'Holder',
  account: 'Account',
  until: 'Valid until',
  pin: 'First PIN',
  puk: 'PUK',
  known: '12345678 (everybody knows it)',
  typed: 'as typed here',
  inFile: (path: string) => `in ${path}`,
  first: (card: string) =>
    `The first user has to change the PIN before anything else: tessera --card ${card} pin change. Until then no key can be used.`,
  firstInReader: (card: string) =>
    `The PIN is the one that it was. The first user changes it: tessera --card ${card} pin change.`,
  newCardOnly: (option: string) =>
    `The card in the reader is there already: ${option} is for a card that the station makes.`,
  againInReader: 'Run the same command again to finish the card.',
  again: (card: string) => `Run the same command again to finish card '${card}'. Nobody can use the card until then.`,
} as const
