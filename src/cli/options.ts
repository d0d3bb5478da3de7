// Every option of the command line as data, and the types derived from it. The texts are in messages.ts.
import { TIERS } from '../attest/verdict.ts'
import { MODELS } from '../piv/first-state.ts'
import { PIN_POLICIES } from '../piv/slots.ts'
import { METHODS } from '../signin/methods.ts'
import { CHIP_NAMES } from '../testing/chips.ts'
import type { TEXT } from './messages.ts'
import { LEVELS } from './output.ts'

interface OptionRow {
  /** As commander reads it; a value in <> makes it an option with a value. */
  readonly flags: string
  /** The value is a whole number from .. to. */
  readonly range?: readonly [number, number]
  readonly choices?: readonly string[]
  /** The commands with this option do not run without it. */
  readonly required?: true
}

/** The key is the option's name in commands, usually the same as commander's. */
export const OPTIONS = {
  card: { flags: '--card <name>' },
  json: { flags: '--json' },
  quiet: { flags: '--quiet' },
  pinFile: { flags: '--pin-file <file>' },
  tcti: { flags: '--tcti <tcti>' },
  logLevel: { flags: '--log-level <level>', choices: LEVELS },
  trace: { flags: '--trace <file>' },

  as: { flags: '--as <model>', choices: MODELS },
  pin: { flags: '--pin <default|prompt|file>' },
  puk: { flags: '--puk <default|prompt|none|file>' },
  adminKey: { flags: '--admin-key <default|random|file>' },
  publicKey: { flags: '--public-key <public.pem>' },
  helpDeskKey: { flags: '--help-desk-key <public.pem>' },
  pinTries: { flags: '--pin-tries <n>', range: [1, 10] },
  pukTries: { flags: '--puk-tries <n>', range: [1, 10] },
  mustChangePin: { flags: '--must-change-pin' },
  unlockFor: { flags: '--unlock-for <minutes>', range: [1, 60] },
  adminKeyFile: { flags: '--admin-key-file <file>' },
  serveUnlockFor: { flags: '--unlock-for <minutes>', range: [1, 60] },
  newPinPolicy: { flags: '--pin-policy <policy>', choices: ['any', 'strong'] },
  minPinLength: { flags: '--min-pin-length <digits>', range: [6, 8] },
  fileOnly: { flags: '--file-only' },
  ownerPasswordFile: { flags: '--owner-password-file <file>' },

  urlOnly: { flags: '--url-only' },
  create: { flags: '--create' },
  swtpm: { flags: '--swtpm' },
  simulate: { flags: '--simulate <chip>', choices: CHIP_NAMES },
  pcsc: { flags: '--pcsc' },
  shell: { flags: '--shell' },
  moduleFile: { flags: '--module-file' },
  vpcd: { flags: '--vpcd <host:port>' },
  vpcdListen: { flags: '--vpcd-listen <port>', range: [1, 65_534] },

  yes: { flags: '--yes' },
  lastTry: { flags: '--last-try' },
  helpDesk: { flags: '--help-desk' },
  privateKey: { flags: '--private-key <private.pem>', required: true },
  algorithm: { flags: '-a, --algorithm <name>' },
  pinPolicy: { flags: '--pin-policy <policy>', choices: PIN_POLICIES },
  out: { flags: '-o, --out <file>' },
  subject: { flags: '--subject <dn>' },
  days: { flags: '--days <n>', range: [1, 9999] },
  email: { flags: '--email <address>' },
  upn: { flags: '--upn <name@domain>' },
  principal: { flags: '--principal <name@REALM>' },
  sid: { flags: '--sid <S-1-5-...>' },
  purposes: { flags: '--purposes <list>' },
  template: { flags: '--template <name>' },
  chain: { flags: '--chain' },
  format: { flags: '--format <format>', choices: ['pem', 'der'] },
  est: { flags: '--est <url>' },
  certsrv: { flags: '--certsrv <url>' },
  caFile: { flags: '--ca-file <file>' },
  user: { flags: '--user <name>' },
  passwordFile: { flags: '--password-file <file>' },
  negotiate: { flags: '--negotiate' },
  onBehalfOf: { flags: '--on-behalf-of <user>' },
  agent: { flags: '--agent <card>' },
  agentSlot: { flags: '--agent-slot <slot>' },
  agentPinFile: { flags: '--agent-pin-file <file>' },
  byCertificate: { flags: '--by-certificate' },
  key: { flags: '--key <which>', choices: ['new', 'existing'] },
  renew: { flags: '--renew' },
  for: { flags: '--for <program>', choices: ['kerberos', 'windows', 'tls', 'ssh', 'mail'] },
  keepOld: { flags: '--keep-old' },
  friendlyName: { flags: '--friendly-name <text>' },
  wait: { flags: '--wait <minutes>', range: [0, 9999] },
  abandon: { flags: '--abandon' },
  slot: { flags: '--slot <slot>' },
  ifDue: { flags: '--if-due' },
  cardId: { flags: '--card-id <id>' },
  installTimer: { flags: '--install-timer' },
  removeTimer: { flags: '--remove-timer' },
  within: { flags: '--within <days>', range: [1, 9999] },
  hash: { flags: '--hash <name>' },
  signatureFormat: { flags: '--signature-format <format>', choices: ['der', 'raw'] },
  padding: { flags: '--padding <padding>', choices: ['pkcs1', 'pss'] },
  encryptionPadding: { flags: '--encryption-padding <padding>', choices: ['oaep', 'pkcs1'] },

  service: { flags: '--service <url>' },
  signInSlot: { flags: '--slot <slot>' },
  method: { flags: '--method <method>', choices: METHODS },
  serviceCaFile: { flags: '--ca-file <file>' },
  background: { flags: '--background' },
  waitForCard: { flags: '--wait-for-card' },

  directory: { flags: '--directory <directory>' },
  listen: { flags: '--listen <host:port>' },
  crlPort: { flags: '--crl-port <port>', range: [0, 65535] },
  serverNames: { flags: '--names <list>' },
  mayBeAgent: { flags: '--enrolment-agent' },
  pending: { flags: '--pending' },
  all: { flags: '--all' },

  tpm: { flags: '--tpm <tcti>' },
  classes: { flags: '--classes <list>' },
  only: { flags: '--only <list>' },
  minutes: { flags: '--minutes <n>', range: [1, 9999] },
  reportFolder: { flags: '-o, --out <folder>' },
  resume: { flags: '--resume' },
  listChecks: { flags: '--list' },
  guid: { flags: '--guid <guid>' },
  allPukTries: { flags: '--puk-tries <n>', range: [1, 15] },

  evidenceFormat: { flags: '--format <format>', choices: ['tessera', 'webauthn-tpm', 'yubico'] },
  rpId: { flags: '--rp-id <domain>' },
  roots: { flags: '--roots <file>' },
  makers: { flags: '--makers' },
  nonce: { flags: '--nonce <hex>' },
  crl: { flags: '--crl <file>' },
  tier: { flags: '--tier <tier>', choices: TIERS },
} as const satisfies Record<keyof typeof TEXT.options, OptionRow>

export type OptionName = keyof typeof OPTIONS
export const optionRow = (name: OptionName): OptionRow => OPTIONS[name]

type ValueOf<Row> = Row extends { range: unknown }
  ? number
  : Row extends { choices: readonly (infer Choice)[] }
    ? Choice
    : Row extends { flags: `${string}<${string}` }
      ? string
      : true

/** The options of a command line, each with the type from its row. */
export type Options = { readonly [Name in OptionName]?: ValueOf<(typeof OPTIONS)[Name]> }

/** The first secrets of a new card, and how many tries they have. */
export const FIRST_SECRETS = ['pin', 'puk', 'adminKey', 'helpDeskKey', 'pinTries', 'pukTries'] as const
/** What the station asks of a card that it makes. */
export const NEW_CARD_OPTIONS = [...FIRST_SECRETS, 'unlockFor', 'ownerPasswordFile'] as const

export const GLOBAL_OPTIONS = [
  'card',
  'json',
  'quiet',
  'pinFile',
  'tcti',
  'logLevel',
  'trace',
] as const satisfies OptionName[]
