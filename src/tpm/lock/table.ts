// The lock as data: which policy guards what. Policies and Names cannot be changed once keys exist.
// docs/lock.md explains every line; tests pass weaker tables to the same code to show what each term is for.
import { NV } from '../constants.ts'
import type { Policy, Role } from '../policy/terms.ts'
import type { ApprovalName } from '../store/card-file.ts'

export interface LockTable {
  /** TPMA_NV of both indices. Never POLICYREAD, OWNERWRITE, AUTHWRITE, ORDERLY, CLEAR_STCLEAR. */
  readonly attributes: number
  /** authPolicy of each index. */
  readonly index: Readonly<Record<Role, Policy>>
  /** The policy that K fulfils and approves once, at creation; this approval is never stored. */
  readonly firstWrite: Policy
  /** The policies that K approves for ever; each is bound to one index by the ref in that index's own policy. */
  readonly approvals: Readonly<
    Record<ApprovalName, { readonly on: Role; readonly needs: 'pin' | 'puk' | 'helpDesk'; readonly policy: Policy }>
  >
  /** authPolicy of keys. */
  readonly keys: { readonly once: Policy; readonly always: Policy; readonly never: Policy }
  /** authPolicy of the object that has the key of the seal behind the PIN: fulfilled by every VERIFY. */
  readonly seal: Policy
  /** Whether creation proves both secrets before anything is kept, which detects an index swapped in the meantime. */
  readonly prove: boolean
  /** Whether sessions are salted to the SRK. */
  readonly salted: boolean
}

const PIN_CHANGE: Policy = [
  { term: 'secret', of: 'pin', ref: 'change' },
  { term: 'command', code: 'NV_ChangeAuth' },
]
const PUK_CHANGE: Policy = [
  { term: 'secret', of: 'puk', ref: 'change' },
  { term: 'command', code: 'NV_ChangeAuth' },
]
const PUK_RESET = { term: 'secret', of: 'puk', ref: 'reset' } as const
const HELP_DESK = { term: 'signed', by: 'helpDesk', ref: 'unblock' } as const
const NEW_AUTH = { term: 'command', code: 'NV_ChangeAuth' } as const
/** Without `written`, the approval would write an index that the owner re-created; without the rest, any value. */
const ALL_TRIES_BACK: Policy = [{ term: 'written' }, { term: 'counterReset' }]

export const LOCK: LockTable = {
  attributes: (NV.PIN_FAIL | NV.NO_DA | NV.OWNERREAD | NV.POLICYWRITE) >>> 0,
  index: {
    // It says that the card has a seal: without one the file was changed.
    pin: [{ term: 'authorize', ref: 'P sealed' }],
    puk: [{ term: 'authorize', ref: 'U' }],
  },
  firstWrite: [
    { term: 'signed', by: 'burn', ref: '' },
    { term: 'command', code: 'NV_Write' },
  ],
  approvals: {
    changePin: { on: 'pin', needs: 'pin', policy: PIN_CHANGE },
    changePuk: { on: 'puk', needs: 'puk', policy: PUK_CHANGE },
    unblockPin: { on: 'pin', needs: 'puk', policy: [PUK_RESET, NEW_AUTH] },
    unblockCounter: { on: 'pin', needs: 'puk', policy: [PUK_RESET, ...ALL_TRIES_BACK] },
    helpDeskPin: { on: 'pin', needs: 'helpDesk', policy: [HELP_DESK, NEW_AUTH] },
    helpDeskCounter: { on: 'pin', needs: 'helpDesk', policy: [HELP_DESK, ...ALL_TRIES_BACK] },
  },
  keys: {
    once: [{ term: 'secret', of: 'pin', ref: 'use' }],
    always: [{ term: 'secret', of: 'pin', ref: 'use-always' }],
    never: [],
  },
  seal: [{ term: 'secret', of: 'pin', ref: 'use' }],
  prove: true,
  salted: true,
}

/** The lock of cards whose files have no seal: those of Tessera 0.1.0. */
export const withoutSeal = (table: LockTable): LockTable => ({
  ...table,
  index: { ...table.index, pin: [{ term: 'authorize', ref: 'P' }] },
})
