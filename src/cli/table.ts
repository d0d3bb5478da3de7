// Every command as data: program.ts builds commander's commands from it, and tests read it.
import type { CommandShape, Run } from './context.ts'
import type { TEXT } from './messages.ts'
import { FIRST_SECRETS, NEW_CARD_OPTIONS } from './options.ts'

export interface CommandRow extends CommandShape {
  readonly words: keyof typeof TEXT.commands
  /** Works until it is stopped, so being stopped is no failure. */
  readonly untilStopped?: true
  /** Runs another program, which gets the signals, and ends when that ends. */
  readonly passesSignals?: true
  /** May ask for a secret on the terminal. */
  readonly asks?: true
  /** Exit code 1 is an answer, so failures use another one. */
  readonly oneIsAnswer?: true
  /** The group's name alone means this command. */
  readonly usual?: true
  readonly load: () => Promise<{ readonly run: Run }>
}

const signature = ['hash', 'signatureFormat', 'padding'] as const
/** Which CA, and how to log in there. */
const certificateAuthority = ['est', 'certsrv', 'caFile', 'user', 'passwordFile', 'negotiate'] as const
/** Who asks, on behalf of somebody else. */
const agent = ['onBehalfOf', 'agent', 'agentSlot', 'agentPinFile'] as const
/** The content of a certificate. */
const content = ['subject', 'email', 'upn', 'principal', 'sid', 'purposes'] as const
/** How changes of a card are allowed: by the PIN, or by the admin key. */
const manage = ['lastTry', 'adminKeyFile'] as const

export const COMMANDS: readonly CommandRow[] = [
  { words: 'web', options: ['urlOnly'], untilStopped: true, load: () => import('./commands/web.ts') },
  {
    words: 'create',
    asks: true,
    tpmOnly: true,
    args: '<name>',
    options: [
      ...FIRST_SECRETS,
      ...(['as', 'newPinPolicy', 'minPinLength', 'mustChangePin', 'unlockFor', 'ownerPasswordFile'] as const),
    ],
    load: () => import('./commands/create.ts'),
  },
  { words: 'list', load: () => import('./commands/list.ts') },
  { words: 'info', args: '[name]', load: () => import('./commands/info.ts') },
  { words: 'rename', args: '<name> <new>', tpmOnly: true, load: () => import('./commands/rename.ts') },
  {
    words: 'reset',
    asks: true,
    tpmOnly: true,
    args: '<name>',
    options: ['yes', 'ownerPasswordFile'],
    load: () => import('./commands/reset.ts'),
  },
  {
    words: 'destroy',
    asks: true,
    tpmOnly: true,
    args: '<name>',
    options: ['yes', 'fileOnly', 'ownerPasswordFile'],
    load: () => import('./commands/destroy.ts'),
  },
  { words: 'pin status', load: () => import('./commands/pin-status.ts') },
  { words: 'pin verify', asks: true, options: ['lastTry'], load: () => import('./commands/pin-verify.ts') },
  { words: 'pin change', asks: true, options: ['lastTry'], load: () => import('./commands/pin-change.ts') },
  { words: 'pin change-puk', asks: true, options: ['lastTry'], load: () => import('./commands/pin-change-puk.ts') },
  {
    words: 'pin unblock',
    asks: true,
    options: ['helpDesk', 'lastTry'],
    load: () => import('./commands/pin-unblock.ts'),
  },
  {
    words: 'admin-key change',
    asks: true,
    args: '[key]',
    options: manage,
    load: () => import('./commands/admin-key-change.ts'),
  },
  {
    words: 'admin-key protect',
    asks: true,
    options: ['yes', ...manage],
    load: () => import('./commands/admin-key-protect.ts'),
  },
  {
    words: 'key generate',
    asks: true,
    args: '<slot>',
    options: ['algorithm', 'pinPolicy', 'out', 'yes', ...manage],
    load: () => import('./commands/key-generate.ts'),
  },
  { words: 'key list', load: () => import('./commands/key-list.ts') },
  { words: 'key info', args: '<slot>', load: () => import('./commands/key-info.ts') },
  {
    words: 'key import',
    asks: true,
    args: '<slot> <file>',
    options: ['pinPolicy', 'yes', ...manage],
    load: () => import('./commands/key-import.ts'),
  },
  {
    words: 'key move',
    asks: true,
    args: '<slot> <slot>',
    options: ['yes', ...manage],
    load: () => import('./commands/key-move.ts'),
  },
  {
    words: 'key delete',
    asks: true,
    args: '<slot>',
    options: ['yes', ...manage],
    load: () => import('./commands/key-delete.ts'),
  },
  { words: 'key attest', args: '<slot>', options: ['out'], load: () => import('./commands/key-attest.ts') },
  {
    words: 'attest key',
    usual: true,
    args: '<slot>',
    options: ['nonce', 'evidenceFormat', 'rpId', 'out'],
    load: () => import('./commands/attest-key.ts'),
  },
  {
    words: 'attest verify',
    args: '<file>',
    options: ['roots', 'makers', 'nonce', 'crl', 'tier'],
    oneIsAnswer: true,
    load: () => import('./commands/attest-verify.ts'),
  },
  {
    words: 'sign',
    asks: true,
    args: '<slot> <file>',
    options: ['out', ...signature, 'publicKey', 'lastTry'],
    load: () => import('./commands/sign.ts'),
  },
  {
    words: 'verify',
    args: '<slot> <file> <signature>',
    options: signature,
    load: () => import('./commands/verify.ts'),
  },
  {
    words: 'decrypt',
    asks: true,
    args: '<slot> <file>',
    options: ['out', 'encryptionPadding', 'hash', 'lastTry'],
    load: () => import('./commands/decrypt.ts'),
  },
  {
    words: 'cert self-sign',
    asks: true,
    args: '<slot>',
    options: [...content, 'days', 'hash', 'padding', 'publicKey', 'out', 'yes', ...manage],
    load: () => import('./commands/cert-self-sign.ts'),
  },
  {
    words: 'cert request',
    asks: true,
    args: '<slot>',
    options: [...content, 'template', 'hash', 'padding', 'publicKey', 'nonce', 'out', 'lastTry'],
    load: () => import('./commands/cert-request.ts'),
  },
  {
    words: 'cert import',
    asks: true,
    args: '<slot> <file> [more...]',
    options: ['yes', ...manage],
    load: () => import('./commands/cert-import.ts'),
  },
  {
    words: 'cert export',
    args: '<slot>',
    options: ['chain', 'format', 'out'],
    load: () => import('./commands/cert-export.ts'),
  },
  { words: 'cert list', load: () => import('./commands/cert-list.ts') },
  { words: 'cert show', args: '<slot>', load: () => import('./commands/cert-show.ts') },
  {
    words: 'cert delete',
    asks: true,
    args: '<slot>',
    options: ['yes', ...manage],
    load: () => import('./commands/cert-delete.ts'),
  },
  {
    words: 'enroll',
    asks: true,
    args: '[slot]',
    options: [
      ...certificateAuthority,
      ...agent,
      ...content,
      ...['byCertificate', 'template', 'key', 'algorithm', 'pinPolicy', 'for', 'renew', 'keepOld', 'friendlyName'],
      ...['publicKey', 'hash', 'padding', 'wait', 'abandon', 'ifDue', 'cardId', 'within', 'yes', ...manage],
    ] as const,
    load: () => import('./commands/enroll.ts'),
  },
  {
    words: 'station',
    asks: true,
    args: '<name>',
    options: [
      ...NEW_CARD_OPTIONS,
      ...certificateAuthority,
      ...content,
      ...agent,
      ...['template', 'slot', 'algorithm', 'pinPolicy', 'friendlyName', 'hash', 'padding', 'wait', 'yes', ...manage],
    ] as const,
    load: () => import('./commands/station.ts'),
  },
  {
    words: 'needs-renewal',
    args: '[slot]',
    options: ['within', 'installTimer', 'removeTimer', 'passwordFile', ...manage],
    oneIsAnswer: true,
    load: () => import('./commands/needs-renewal.ts'),
  },
  { words: 'object list', load: () => import('./commands/object-list.ts') },
  {
    words: 'object get',
    asks: true,
    args: '<tag>',
    options: ['out', 'lastTry'],
    load: () => import('./commands/object-get.ts'),
  },
  {
    words: 'object put',
    asks: true,
    args: '<tag> <file>',
    options: manage,
    load: () => import('./commands/object-put.ts'),
  },
  {
    words: 'object delete',
    asks: true,
    args: '<tag>',
    options: ['yes', ...manage],
    load: () => import('./commands/object-delete.ts'),
  },
  {
    words: 'help-desk respond',
    asks: true,
    args: '<challenge>',
    options: ['privateKey', 'yes'],
    load: () => import('./commands/help-desk-respond.ts'),
  },
  {
    words: 'run',
    args: '<program...>',
    options: ['create', 'serveUnlockFor'],
    passesSignals: true,
    load: () => import('./commands/run.ts'),
  },
  {
    words: 'lab',
    args: '<program...>',
    options: ['swtpm', 'simulate'],
    passesSignals: true,
    load: () => import('./commands/lab.ts'),
  },
  {
    words: 'serve',
    tpmOnly: true,
    args: '<name...>',
    options: ['pcsc', 'shell', 'vpcd', 'vpcdListen', 'serveUnlockFor'],
    untilStopped: true,
    load: () => import('./commands/serve.ts'),
  },
  {
    words: 'pkcs11',
    options: ['moduleFile', 'lastTry'],
    untilStopped: true,
    load: () => import('./commands/pkcs11.ts'),
  },
  {
    words: 'signin',
    asks: true,
    args: '<address>',
    options: ['service', 'signInSlot', 'method', 'serviceCaFile', 'background', 'waitForCard', 'lastTry'],
    untilStopped: true,
    load: () => import('./commands/signin.ts'),
  },
  { words: 'signout', args: '[address]', load: () => import('./commands/signout.ts') },
  { words: 'accounts', load: () => import('./commands/accounts.ts') },
  { words: 'forget', args: '<address>', options: ['yes'], load: () => import('./commands/forget.ts') },
  {
    words: 'lab-ca start',
    usual: true,
    options: ['directory', 'listen', 'crlPort', 'serverNames', 'pending', 'days', 'algorithm'],
    load: () => import('./commands/lab-ca-start.ts'),
  },
  {
    words: 'lab-ca user add',
    asks: true,
    args: '<user>',
    options: ['directory', 'upn', 'email', 'sid', 'mayBeAgent', 'yes'],
    load: () => import('./commands/lab-ca-user-add.ts'),
  },
  { words: 'lab-ca list', options: ['directory'], load: () => import('./commands/lab-ca-list.ts') },
  {
    words: 'lab-ca approve',
    args: '[id]',
    options: ['directory', 'all'],
    load: () => import('./commands/lab-ca-approve.ts'),
  },
  { words: 'lab-ca deny', args: '<id>', options: ['directory'], load: () => import('./commands/lab-ca-deny.ts') },
  { words: 'lab-ca revoke', args: '<id>', options: ['directory'], load: () => import('./commands/lab-ca-revoke.ts') },
  { words: 'doctor', load: () => import('./commands/doctor.ts') },
  {
    words: 'validate run',
    usual: true,
    asks: true,
    oneIsAnswer: true,
    options: [
      ...([
        'tpm',
        'simulate',
        'classes',
        'only',
        'minutes',
        'reportFolder',
        'resume',
        'listChecks',
        'guid',
        'allPukTries',
      ] as const),
      'ownerPasswordFile',
    ],
    load: () => import('./commands/validate-run.ts'),
  },
  {
    words: 'validate compare',
    args: '<report...>',
    options: ['out'],
    load: () => import('./commands/validate-compare.ts'),
  },
  { words: 'trace show', args: '<file>', load: () => import('./commands/trace-show.ts') },
  { words: 'trace pcapng', args: '<file>', options: ['out'], load: () => import('./commands/trace-pcapng.ts') },
  { words: 'completion', args: '<shell> [words...]', load: () => import('./commands/completion.ts') },
]
