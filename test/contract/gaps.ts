// What a kind of card does not do of the contract, and why. A gap that is none any more fails the suite.
import type { SubjectName } from './subjects.ts'

export interface Gap {
  readonly reason: string
  /** What the clause then fails with: a code, or words of the failure. */
  readonly fails: string
}

const noDesk = { reason: 'the help desk belongs to the lock of a TPM card', fails: 'ERR_HELP_DESK_ABSENT' }
/** Of a card that is reached by APDUs alone. */
const noCommand = { reason: 'PIV has no command for it', fails: 'ERR_NOT_SUPPORTED' }

export const GAPS: Readonly<Record<SubjectName, Readonly<Record<string, Gap>>>> = {
  embedded: {},
  swtpm: {},
  memory: {
    'the help desk unblocks, once for each challenge': noDesk,
  },
  reader: {
    'the owner of the card is also told the tries in all, those of the PUK, and its name': {
      reason: 'PIV has no command that tells them',
      fails: 'deeply equal',
    },
    'a card without a PUK says so': {
      reason: 'at the card edge it looks like a card whose PUK is blocked',
      fails: 'ERR_PUK_BLOCKED',
    },
    'the help desk unblocks, once for each challenge': noCommand,
    'a card without a help desk says so': noCommand,
    'the owner of the card sees all its keys, where they come from and what they want': noCommand,
    'imported keys of every algorithm sign for the public key they came with': noCommand,
    'a moved key signs from its new slot, and not from the old one': noCommand,
    'a deleted key is gone': noCommand,
    'always: so do the calls that only the owner of the card has': noCommand,
    'the owner of the card sets another admin key with the PIN alone': noCommand,
  },
}
