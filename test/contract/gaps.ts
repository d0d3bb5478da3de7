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

const TOGETHER: Readonly<Record<string, Gap>> = {
  'always: one use for each verified PIN, and the other keys go on': together,
  'always: two verified PINs are still one use': together,
  'always: a changed PIN is no verified one': together,
  'always: whatever comes between VERIFY and the use voids it': together,
  'always: so do the calls that PIV has no command for': together,
  'always: so do the calls of the help desk': together,
  'two outstanding calls are done in the order in which they were asked for': together,
}

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

/** Of a card of another maker. */
const notMade = (option: string): Gap => ({ reason: 'only ours are made with that', fails: `not made with ${option}` })
const noInstruction = { reason: 'it has no instruction but those of NIST', fails: 'ERR_NOT_SUPPORTED' }
const onePolicy = { reason: 'its GENERATE takes no PIN policy', fails: 'and no other' }
const freePins = { reason: 'it takes PINs and PUKs of any octets', fails: '_FORMAT was expected' }
const noPlace = { reason: 'it refuses tags that NIST does not have: there is no place for a chain' }
const noHistory = { reason: 'it leaves key history and discovery to whoever personalises it' }

const PLAIN: Readonly<Record<string, Gap>> = {
  ...REMOTE,
  ...TOGETHER,
  'the tries in all and those of the PUK are told, and that nothing has its first value': {
    reason: 'PIV has no command for it',
    fails: 'deeply equal',
  },
  'a malformed PIN is refused before anything is sent, and costs no try': freePins,
  'what cannot come to a use verifies no PIN and costs no try': freePins,
  'a malformed PUK is refused before anything is sent, and so is the default as a new one': freePins,
  'the default PIN is no new PIN': freePins,
  'a PIN that has to be changed comes before the first use of a key, whatever its policy': notMade('mustChangePin'),
  'a PIN that has to be changed comes before a use with the PIN as well': notMade('mustChangePin'),
  'what was verified ends with its time': notMade('unlockSeconds'),
  'a card without a PUK says so': notMade('noPuk'),
  'nothing unblocks a card without a PUK': notMade('noPuk'),
  'the help desk unblocks, once for each challenge': notMade('noPuk and helpDesk'),
  'keys in all kinds of slots, by number and by name': onePolicy,
  'a key may have another policy than its slot has by default': onePolicy,
  'a PIN with the use serves every kind of use': onePolicy,
  'a card tells all its keys, where they come from and what they want': noInstruction,
  'a key that was made on the card is attested': noInstruction,
  'keys are made by who may change the card': noInstruction,
  'imported keys of every algorithm sign for the public key they came with': noInstruction,
  'a moved key signs from its new slot, and not from the old one': noInstruction,
  'a deleted key is gone': noInstruction,
  'always: so do the calls that PIV has no command for': noInstruction,
  'who may change the card sets another admin key, of any algorithm': noInstruction,
  'an admin key that nobody has lets nobody in': noInstruction,
  'the owner of the card sets another admin key with the PIN alone': noInstruction,
  'a card without an admin key says so': { reason: 'it always has one', fails: 'a plain card has an admin key' },
  'the chain comes back in its order, and goes with a new certificate': { ...noPlace, fails: 'deeply equal' },
  'a deleted certificate is gone, and its chain with it': { ...noPlace, fails: 'where the chain is' },
  'a card has its identity from the beginning: CHUID, CCC, discovery, key history': {
    ...noHistory,
    fails: 'deeply equal',
  },
  'the key history says how many retired certificates there are, at any time': {
    ...noHistory,
    fails: 'strictly equal',
  },
  'nobody writes the key history, the discovery object or the biometric templates': {
    ...noHistory,
    fails: 'nothing was refused',
  },
  'printed information, and all that is private, wants the PIN': {
    reason: 'what is not there is not there, with and without the PIN',
    fails: 'nothing was refused',
  },
  'the CHUID that somebody put is the CHUID, and the first one is back when it is deleted': {
    reason: 'a deleted CHUID is gone',
    fails: 'deeply equal',
  },
}

export const GAPS: Readonly<Record<SubjectName, Readonly<Record<string, Gap>>>> = {
  embedded: {},
  swtpm: {},
  memory: {
    'the help desk unblocks, once for each challenge': noDesk,
  },
  reader: REMOTE,
  plain: PLAIN,
  pcsc: { ...REMOTE, ...TOGETHER },
  socket: { ...REMOTE, ...TOGETHER },
}
