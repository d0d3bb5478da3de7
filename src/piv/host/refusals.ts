// What a card's refusal means, by the request. One table: status words are ambiguous, requests are not.
import { type AnyCardError, CardError, PinError } from '../../errors.ts'
import { SW, statusText, triesLeft } from '../../iso7816/status.ts'
import type { Answer } from './exchange.ts'

export type Act =
  | 'verifyPin'
  | 'changePin'
  | 'changePuk'
  | 'unblockPin'
  | 'useKey'
  | 'manage'
  | 'beyond'
  | 'attest'
  | 'readObject'
  | 'authenticateAdmin'
  | 'select'

const WAYS_OUT = 'To see how it can be unblocked: tessera pin status.'
const pin = (code: ConstructorParameters<typeof PinError>[0], message: string) => () => new PinError(code, message)
const card =
  (code: 'ERR_KEY_ABSENT' | 'ERR_NOT_SUPPORTED' | 'ERR_DATA' | 'ERR_CARD_NOT_FOUND', message: string) => (sw: number) =>
    new CardError(code, message, { sw })

function wrongPin(sw: number): PinError {
  const left = triesLeft(sw) ?? 0
  const then =
    left > 0 ? `${left} ${left === 1 ? 'try' : 'tries'} left.` : `No tries left: the PIN is now blocked. ${WAYS_OUT}`
  return new PinError('ERR_PIN_WRONG', `The PIN is wrong. ${then}`, { triesLeft: left })
}

function wrongPuk(sw: number): PinError {
  const left = triesLeft(sw) ?? 0
  const then =
    left > 0 ? `${left} ${left === 1 ? 'try' : 'tries'} left.` : 'No tries left: the PUK is now blocked for good.'
  return new PinError('ERR_PUK_WRONG', `The PUK is wrong. ${then}`, { triesLeft: left })
}

type Refusal = (sw: number) => AnyCardError
const blockedPin: Refusal = () =>
  new PinError('ERR_PIN_BLOCKED', `The PIN is blocked: too many wrong tries. ${WAYS_OUT}`, { triesLeft: 0 })
const blockedPuk: Refusal = () =>
  new PinError(
    'ERR_PUK_BLOCKED',
    'The PUK is blocked for good: too many wrong tries. The help desk can still unblock the PIN of a card that has one; else create a new card.',
    { triesLeft: 0 },
  )
const defaultPin = pin(
  'ERR_PIN_FORMAT',
  'That is the default PIN, which everybody knows. Nothing was changed: choose another one.',
)
const badNewPin = pin('ERR_PIN_FORMAT', 'The card refuses the new PIN. A PIN has 6 to 8 digits. Nothing was changed.')
const adminNeeded = pin(
  'ERR_ADMIN_REQUIRED',
  'Changing a card wants its PIN (a card in this process) or its admin key. Verify the PIN first, or authenticate with the admin key.',
)

const MANAGE: ReadonlyMap<number, Refusal> = new Map<number, Refusal>([
  [SW.SECURITY_STATUS, adminNeeded],
  [SW.NO_SPACE, card('ERR_DATA', 'The card has no room for it.')],
  [SW.NOT_SUPPORTED, card('ERR_NOT_SUPPORTED', 'The card does not let this be changed.')],
  [SW.WRONG_DATA, card('ERR_NOT_SUPPORTED', 'The card does not have this algorithm or policy. Use another one.')],
  [
    SW.REFERENCE_NOT_FOUND,
    card('ERR_KEY_ABSENT', 'There is no key in this slot. Make one: tessera key generate SLOT.'),
  ],
])
const noCommand = card(
  'ERR_NOT_SUPPORTED',
  'The card has no command for this: it is beyond what every PIV card has. Its maker may have a program for it.',
)

const noApplication = card('ERR_CARD_NOT_FOUND', 'There is no PIV application on this card.')

/** The entry 63C0 stands for 63Cx. */
const REFUSALS: Readonly<Record<Act, ReadonlyMap<number, Refusal>>> = {
  verifyPin: new Map([
    [SW.TRIES_LEFT, wrongPin],
    [SW.BLOCKED, blockedPin],
  ]),
  changePin: new Map([
    [SW.TRIES_LEFT, wrongPin],
    [SW.BLOCKED, blockedPin],
    [SW.WRONG_DATA, badNewPin],
    [SW.CONDITIONS_OF_USE, defaultPin],
  ]),
  changePuk: new Map([
    [SW.TRIES_LEFT, wrongPuk],
    [SW.BLOCKED, blockedPuk],
    [
      SW.WRONG_DATA,
      pin(
        'ERR_PUK_FORMAT',
        'The card refuses the new PUK. A PUK has 8 printable ASCII characters. Nothing was changed.',
      ),
    ],
    [
      SW.CONDITIONS_OF_USE,
      pin('ERR_PUK_FORMAT', 'That is the default PUK, which everybody knows. Nothing was changed: choose another one.'),
    ],
  ]),
  unblockPin: new Map([
    [SW.TRIES_LEFT, wrongPuk],
    [SW.BLOCKED, blockedPuk],
    [SW.WRONG_DATA, badNewPin],
    [SW.CONDITIONS_OF_USE, defaultPin],
  ]),
  useKey: new Map<number, Refusal>([
    [
      SW.SECURITY_STATUS,
      pin(
        'ERR_PIN_REQUIRED',
        'This key wants the PIN: before every use, or once in a while, as its policy says. Verify the PIN first.',
      ),
    ],
    [
      SW.CONDITIONS_OF_USE,
      pin(
        'ERR_PIN_CHANGE_REQUIRED',
        'The PIN is still the one the card was created with. Change it before the first use of a key: tessera pin change.',
      ),
    ],
    [
      SW.REFERENCE_NOT_FOUND,
      card('ERR_KEY_ABSENT', 'There is no key in this slot. Make one: tessera key generate SLOT.'),
    ],
    [SW.WRONG_PARAMETERS, card('ERR_NOT_SUPPORTED', 'The key in this slot is of another algorithm.')],
    [SW.WRONG_DATA, card('ERR_DATA', 'The card refuses the data: it does not fit the key.')],
  ]),
  manage: MANAGE,
  // For requests that PIV has no command for.
  beyond: new Map([
    ...MANAGE,
    ...[SW.UNKNOWN_INS, SW.UNKNOWN_CLA, SW.NOT_SUPPORTED].map((sw) => [sw, noCommand] as const),
  ]),
  attest: new Map<number, Refusal>([
    [SW.UNKNOWN_INS, card('ERR_NOT_SUPPORTED', 'This card does not attest keys: it does not have that command.')],
    ...[SW.REFERENCE_NOT_FOUND, SW.NOT_FOUND].map((sw): [number, Refusal] => [
      sw,
      card('ERR_KEY_ABSENT', 'There is no key in this slot. Make one: tessera key generate SLOT.'),
    ]),
    [
      SW.WRONG_DATA,
      card('ERR_NOT_SUPPORTED', 'There is nothing to attest: the key in this slot, if any, was not made on the card.'),
    ],
    [
      SW.CONDITIONS_OF_USE,
      card(
        'ERR_NOT_SUPPORTED',
        'The certificate of the attestation key (object 5fff01) is missing, or of another key. Put the right one there; of a key that was made on the card, delete it, and another is made.',
      ),
    ],
  ]),
  readObject: new Map<number, Refusal>([
    [SW.SECURITY_STATUS, pin('ERR_PIN_REQUIRED', 'This object wants the PIN. Verify the PIN first.')],
  ]),
  authenticateAdmin: new Map<number, Refusal>([
    [SW.SECURITY_STATUS, pin('ERR_ADMIN_WRONG', 'The admin key is wrong. Nothing was changed.')],
    [
      SW.REFERENCE_NOT_FOUND,
      card('ERR_NOT_SUPPORTED', 'This card has no admin key: manage it with its PIN, in this process.'),
    ],
    [SW.WRONG_PARAMETERS, pin('ERR_ADMIN_WRONG', 'The admin key is of another algorithm than that of the card.')],
  ]),
  select: new Map<number, Refusal>(
    [SW.NOT_FOUND, SW.SELECT_FAILED, SW.UNKNOWN_INS, SW.UNKNOWN_CLA, SW.WRONG_P1_P2].map((sw) => [sw, noApplication]),
  ),
}

/** Requests for which the error behind a refusal, from a card in this process, says more. */
const SAID_BY_THE_CARD: readonly Act[] = ['manage', 'beyond']

/** The error for an unsuccessful answer to `act`. */
export function refusal(act: Act, { sw, cause }: Pick<Answer, 'sw' | 'cause'>): AnyCardError {
  const found = REFUSALS[act].get(triesLeft(sw) === undefined || sw === SW.BLOCKED ? sw : SW.TRIES_LEFT)
  const error = found?.(sw) ?? refused(sw)
  if (cause === undefined) return error
  // Which rule of the card a new PIN breaks, no status word says.
  const saysMore = SAID_BY_THE_CARD.includes(act) || error.code === 'ERR_PIN_FORMAT'
  if (saysMore && cause instanceof CardError && cause.code === error.code) {
    error.message = cause.message
  }
  error.cause = cause
  return error
}

const refused = (sw: number) =>
  new CardError(
    'ERR_CARD_REFUSED',
    `The card refuses: ${statusText(sw)}. Take it out and put it in again; if that does not help, its maker may know.`,
    { sw },
  )
