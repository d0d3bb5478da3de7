// The lock with one defence left out: src/tpm/lock/table.ts and its reference say what each is for.
import { NV } from '../../../src/tpm/constants.ts'
import { LOCK, type LockTable } from '../../../src/tpm/lock/table.ts'
import type { Policy, Term } from '../../../src/tpm/policy/terms.ts'
import type { ApprovalName } from '../../../src/tpm/store/card-file.ts'

const PPWRITE = 1

const PUK_RESET: Term = { term: 'secret', of: 'puk', ref: 'reset' }
const HELP_DESK: Term = { term: 'signed', by: 'helpDesk', ref: 'unblock' }
const NV_WRITE: Term = { term: 'command', code: 'NV_Write' }
const NEW_AUTH: Term = { term: 'command', code: 'NV_ChangeAuth' }

/** `change` in place of the product's own. */
export const without = (change: Partial<LockTable>): LockTable => ({ ...LOCK, ...change })

function withApprovals(policies: Partial<Record<ApprovalName, Policy>>): LockTable['approvals'] {
  const changed = Object.entries(policies).map(([name, policy]) => [
    name,
    { ...LOCK.approvals[name as ApprovalName], policy },
  ])
  return { ...LOCK.approvals, ...Object.fromEntries(changed) }
}

const withAttributes = (more: number): LockTable => without({ attributes: (LOCK.attributes | more) >>> 0 })

/** Not burned: whoever owns the TPM writes the index. */
export const OWNER_WRITES = withAttributes(NV.OWNERWRITE)
export const PLATFORM_WRITES = withAttributes(PPWRITE)
/** The approval of the first write is all that it takes; it crosses the wire. */
export const UNSIGNED_FIRST_WRITE = without({ firstWrite: [NV_WRITE] })
/** An approval of K that lets the first who comes write. */
export const ANY_WRITE_APPROVED = without({ approvals: withApprovals({ changePin: [NV_WRITE] }) })
/** One policyRef for both indices. */
export const ONE_INDEX_REF = without({
  index: { ...LOCK.index, puk: LOCK.index.pin },
})
/** One policyRef for using a key and for changing the PIN. */
export const ONE_USE_REF = without({
  approvals: withApprovals({ changePin: [{ term: 'secret', of: 'pin', ref: 'use' }, NEW_AUTH] }),
})
/** One policyRef for `once` and `always` keys. */
export const ONE_KEY_REF = without({ keys: { ...LOCK.keys, always: LOCK.keys.once } })
/** Anybody may do with P what POLICYREAD allows. */
export const PUBLIC_READ: LockTable = {
  ...withAttributes(NV.POLICYREAD),
  approvals: {
    ...LOCK.approvals,
    changePuk: { on: 'pin', needs: 'pin', policy: [{ term: 'written' }] },
  },
}
/** Approvals that write any index with that handle, any value. */
export const ANY_INDEX = without({
  approvals: withApprovals({ unblockCounter: [PUK_RESET, NV_WRITE], helpDeskCounter: [HELP_DESK, NV_WRITE] }),
})
/** Approvals that write the card's own index, but any value. */
export const ANY_VALUE = without({
  approvals: withApprovals({
    unblockCounter: [PUK_RESET, { term: 'written' }, NV_WRITE],
    helpDeskCounter: [HELP_DESK, { term: 'written' }, NV_WRITE],
  }),
})
export const UNPROVED = without({ prove: false })
export const UNSALTED = without({ salted: false })
export const ANY_INDEX_UNSALTED = without({ approvals: ANY_INDEX.approvals, salted: false })
/** A help desk that can use keys. */
export const HELP_DESK_SIGNS = without({ keys: { ...LOCK.keys, once: [HELP_DESK] } })
