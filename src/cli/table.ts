// Every command as data. program.ts makes commander of it, tests walk it.
import type { Run } from './context.ts'
import type { TEXT } from './messages.ts'
import type { OptionName } from './options.ts'

export interface CommandRow {
  readonly words: keyof typeof TEXT.commands
  /** Positional arguments as commander reads them. */
  readonly args?: string
  readonly options?: readonly OptionName[]
  readonly load: () => Promise<{ readonly run: Run }>
}

const signature = ['hash', 'format', 'padding'] as const

export const COMMANDS: readonly CommandRow[] = [
  {
    words: 'create',
    args: '<name>',
    options: [
      'pin',
      'puk',
      'adminKey',
      'helpDeskKey',
      'pinTries',
      'pukTries',
      'mustChangePin',
      'unlockFor',
      'ownerPasswordFile',
    ],
    load: () => import('./commands/create.ts'),
  },
  { words: 'list', load: () => import('./commands/list.ts') },
  { words: 'info', args: '[name]', load: () => import('./commands/info.ts') },
  {
    words: 'destroy',
    args: '<name>',
    options: ['yes', 'ownerPasswordFile'],
    load: () => import('./commands/destroy.ts'),
  },
  { words: 'pin status', load: () => import('./commands/pin-status.ts') },
  {
    words: 'pin verify',
    options: ['lastTry'],
    load: () => import('./commands/pin-verify.ts'),
  },
  {
    words: 'pin change',
    options: ['lastTry'],
    load: () => import('./commands/pin-change.ts'),
  },
  {
    words: 'pin change-puk',
    options: ['lastTry'],
    load: () => import('./commands/pin-change-puk.ts'),
  },
  {
    words: 'pin unblock',
    options: ['helpDesk', 'lastTry'],
    load: () => import('./commands/pin-unblock.ts'),
  },
  {
    words: 'key generate',
    args: '<slot>',
    options: ['algorithm', 'pinPolicy', 'out', 'yes', 'lastTry'],
    load: () => import('./commands/key-generate.ts'),
  },
  { words: 'key list', load: () => import('./commands/key-list.ts') },
  { words: 'key info', args: '<slot>', load: () => import('./commands/key-info.ts') },
  {
    words: 'key import',
    args: '<slot> <file>',
    options: ['pinPolicy', 'yes', 'lastTry'],
    load: () => import('./commands/key-import.ts'),
  },
  {
    words: 'key delete',
    args: '<slot>',
    options: ['yes', 'lastTry'],
    load: () => import('./commands/key-delete.ts'),
  },
  {
    words: 'sign',
    args: '<slot> <file>',
    options: ['out', ...signature, 'lastTry'],
    load: () => import('./commands/sign.ts'),
  },
  {
    words: 'verify',
    args: '<slot> <file> <signature>',
    options: signature,
    load: () => import('./commands/verify.ts'),
  },
  {
    words: 'help-desk respond',
    args: '<challenge>',
    options: ['key', 'yes'],
    load: () => import('./commands/help-desk-respond.ts'),
  },
  { words: 'doctor', load: () => import('./commands/doctor.ts') },
]
