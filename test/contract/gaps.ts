// What a kind of card does not do of the contract, and why. A gap that is none any more fails the suite.
import type { SubjectName } from './subjects.ts'

export interface Gap {
  readonly reason: string
  /** What the clause then fails with: a code, or words of the failure. */
  readonly fails: string
}

const noDesk = { reason: 'the help desk belongs to the lock of a TPM card', fails: 'ERR_HELP_DESK_ABSENT' }
const owners = { reason: 'nobody else knows', fails: 'ERR_NOT_SUPPORTED' }
/** Of a card that is reached by APDUs alone. */
const noCommand = { reason: 'PIV has no command for it', fails: 'ERR_NOT_SUPPORTED' }

/** Of a card that other programs reach too: no VERIFY of one transaction serves the next one. */
const together = { reason: 'the PIN comes with the use of an always key', fails: 'it has to come with the use' }

const REMOTE: Readonly<Record<string, Gap>> = {
  'the owner of the card is told its name, and where it lives': owners,
  'the help desk unblocks, once for each challenge': noCommand,
  'a card without a help desk says so': noCommand,
  'always: so do the calls of the help desk': {
    reason: 'PIV has no command for it, so nothing reaches the card',
    fails: 'after a challenge of the help desk',
  },
  'the owner of the card sets another admin key with the PIN alone': {
    reason: 'of a card in a reader nobody is the owner: its admin key is wanted',
    fails: 'ERR_ADMIN_REQUIRED',
  },
}

export const GAPS: Readonly<Record<SubjectName, Readonly<Record<string, Gap>>>> = {
  embedded: {},
  swtpm: {},
  memory: {
    'the help desk unblocks, once for each challenge': noDesk,
  },
  reader: REMOTE,
  pcsc: {
    ...REMOTE,
    'always: one use for each verified PIN, and the other keys go on': together,
    'always: two verified PINs are still one use': together,
    'always: a changed PIN is no verified one': together,
    'always: whatever comes between VERIFY and the use voids it': together,
    'always: so do the calls that PIV has no command for': together,
    'always: so do the calls of the help desk': together,
    'two outstanding calls are done in the order in which they were asked for': together,
  },
}
