// PIN and PUK from the host's side. SP 800-73-5 part 2, 3.2.1 to 3.2.3. None of these commands is ever sent twice.
import { concat, wipe } from '../../bytes.ts'
import { PinError } from '../../errors.ts'
import { SW, triesLeft } from '../../iso7816/status.ts'
import { PIV_AID_TRUNCATED } from '../application.ts'
import { tagOf, writeGetData } from '../objects.ts'
import { PIN_REFERENCES, padPin, type Secret } from '../pin.ts'
import type { Exchange } from './exchange.ts'
import { type Act, refusal } from './refusals.ts'
import type { CardSecrets, SecretFacts } from './secrets.ts'

const INS = { select: 0xa4, verify: 0x20, changeReferenceData: 0x24, resetRetryCounter: 0x2c, getData: 0xcb } as const
const FIRST_OR_ONLY = 0x04

/** The state of a secret. A card in a reader may report little: in PIV itself only the PIN's tries left can be read. */
export interface SecretStatus {
  /** Wrong tries that are left; undefined when nobody can know. */
  readonly triesLeft?: number
  /** Tries in all. */
  readonly tries?: number
  /** True while it is the one that everybody knows. */
  readonly isDefault?: boolean
}

export interface PinStatus extends SecretStatus {
  readonly blocked: boolean
  /** True while the PIN that was verified still serves. */
  readonly verified: boolean
  /** True while the PIN has to be changed before the first private-key operation. */
  readonly mustChange: boolean
  /** True when the count comes from this machine's memory and not from the TPM. */
  readonly advisory: boolean
  /** undefined: the card has no PUK. */
  readonly puk?: SecretStatus
}

/** Runs `work` with copies of secrets, which are overwritten before its promise settles. */
export async function withSecrets<const T extends readonly Uint8Array[], Result>(
  secrets: T,
  work: (secrets: T) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(secrets)
  } finally {
    wipe(...secrets)
  }
}

/** Returns the card's answer to SELECT. */
export async function selectPiv(exchange: Exchange): Promise<Uint8Array> {
  const command = { ins: INS.select, p1: FIRST_OR_ONLY, p2: 0x00, data: PIV_AID_TRUNCATED, answer: true }
  const answer = await exchange.send(command)
  if (answer.sw !== SW.OK) throw refusal('select', answer)
  return answer.data
}

/** Whether the PIN is verified, and the tries left where it is not. Costs no try. */
async function askPin(exchange: Exchange, secrets: CardSecrets): Promise<number> {
  return (await exchange.send({ ins: INS.verify, p1: 0x00, p2: await secrets.reference(exchange) })).sw
}

/** Whether the verified PIN still applies. */
export const isVerified = async (exchange: Exchange, secrets: CardSecrets): Promise<boolean> =>
  (await askPin(exchange, secrets)) === SW.OK

/** Whether a card answers a query of the PIN status as the PIV application does. */
export async function tellsOfPin(exchange: Exchange, secrets: CardSecrets): Promise<boolean> {
  const sw = await askPin(exchange, secrets)
  return sw === SW.OK || triesLeft(sw) !== undefined
}

/** VERIFY, sent last: only the very next command gets the one use of an `always` key that it allows. */
export async function verifyPin(
  exchange: Exchange,
  secrets: CardSecrets,
  pin: Uint8Array,
  minTriesLeft: number,
): Promise<void> {
  if (minTriesLeft > 0) {
    keepTries((await secrets.pin(exchange)).left ?? triesLeft(await askPin(exchange, secrets)), minTriesLeft)
  }
  const reference = await secrets.reference(exchange)
  await withSecrets([secrets.bytes(pin, 'PIN')], (octets) =>
    sendPins(exchange, 'verifyPin', INS.verify, reference, octets),
  )
}

/** Ends the one use of an `always` key that VERIFY allows, by a command without effect. Any answer will do. */
export async function disarm(exchange: Exchange): Promise<void> {
  await exchange.send({ ins: INS.getData, p1: 0x3f, p2: 0xff, data: writeGetData(tagOf('discovery')), answer: true })
}

/** @throws PinError ERR_PIN_LAST_TRY where fewer than `least` tries are left */
export function keepTries(left: number | undefined, least: number): void {
  if (left === undefined || left >= least || left === 0) return
  throw new PinError(
    'ERR_PIN_LAST_TRY',
    `Only ${left} ${left === 1 ? 'try' : 'tries'} of the PIN left: not used up unless you say so. Nothing was sent.`,
    { triesLeft: left },
  )
}

export async function pinStatus(exchange: Exchange, secrets: CardSecrets): Promise<PinStatus> {
  const sw = await askPin(exchange, secrets)
  const told = await secrets.pin(exchange)
  // A card in this process answers an empty VERIFY with all tries where their number cannot be known.
  const left = told.limit === undefined ? triesLeft(sw) : told.left
  const puk = await secrets.puk(exchange)
  return {
    ...countOf({ ...told, left }),
    blocked: left === 0,
    verified: sw === SW.OK,
    mustChange: secrets.mustChange,
    advisory: told.advisory ?? false,
    ...(puk && { puk: countOf(puk) }),
  }
}

const countOf = ({ left, limit, isDefault }: SecretFacts): SecretStatus => ({
  ...(left !== undefined && { triesLeft: left }),
  ...(limit !== undefined && { tries: limit }),
  ...(isDefault !== undefined && { isDefault }),
})

export async function changePin(
  exchange: Exchange,
  card: CardSecrets,
  { pin, newPin }: { readonly pin: Secret; readonly newPin: Secret },
): Promise<void> {
  await withSecrets([card.bytes(pin, 'PIN'), card.bytes(newPin, 'PIN')], async (secrets) =>
    sendPins(exchange, 'changePin', INS.changeReferenceData, await card.reference(exchange), secrets),
  )
}

export async function changePuk(
  exchange: Exchange,
  card: CardSecrets,
  { puk, newPuk }: { readonly puk: Secret; readonly newPuk: Secret },
): Promise<void> {
  await withSecrets([card.bytes(puk, 'PUK'), card.bytes(newPuk, 'PUK')], async (secrets) => {
    await demandPuk(exchange, card)
    await sendPins(exchange, 'changePuk', INS.changeReferenceData, PIN_REFERENCES.puk, secrets)
  })
}

export async function unblockPin(
  exchange: Exchange,
  card: CardSecrets,
  { puk, newPin }: { readonly puk: Secret; readonly newPin: Secret },
): Promise<void> {
  await withSecrets([card.bytes(puk, 'PUK'), card.bytes(newPin, 'PIN')], async (secrets) => {
    await demandPuk(exchange, card)
    await sendPins(exchange, 'unblockPin', INS.resetRetryCounter, await card.reference(exchange), secrets)
  })
}

/** At the card edge a card without a PUK looks like one whose PUK is blocked. */
async function demandPuk(exchange: Exchange, card: CardSecrets): Promise<void> {
  if ((await card.puk(exchange)) !== undefined) return
  throw new PinError(
    'ERR_PUK_ABSENT',
    'This card was created without a PUK: only its help desk, if it has one, can unblock it.',
  )
}

async function sendPins(
  exchange: Exchange,
  act: Act,
  ins: number,
  p2: number,
  secrets: readonly Uint8Array[],
): Promise<void> {
  const fields = secrets.map(padPin)
  const data = concat(...fields)
  try {
    const answer = await exchange.send({ ins, p1: 0x00, p2, data })
    if (answer.sw !== SW.OK) throw refusal(act, answer)
  } finally {
    wipe(data, ...fields)
  }
}
