// VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. SP 800-73-5 part 2, 3.2.1 to 3.2.3.
import { copyOf, equal, utf8, wipe } from '../../../bytes.ts'
import { StatusError, SW, wrongTry } from '../../../iso7816/status.ts'
import { DEFAULT_PIN, DEFAULT_PUK, isPuk, pinBytes, pukBytes, unpadPin } from '../../pin.ts'
import { checkNewPin, type PinRules } from '../../pin-quality.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext } from '../context.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

/** Empty VERIFY: queries the status, and costs no try. */
export async function pinStatus({ vault, counters }: CardContext): Promise<void> {
  if (vault.pins.unlocked) return
  counters.pin = await vault.pins.pinCounter()
  const { left, limit } = counters.pin
  throw new StatusError(left === 0 ? SW.BLOCKED : wrongTry(left ?? limit))
}

export async function clearPin({ vault }: CardContext): Promise<void> {
  await vault.pins.lock()
}

/** A malformed PIN counts as a wrong PIN and uses up a try: it is compared as the eight octets that came in. */
export async function verify({ vault }: CardContext, { pin }: Command<'verify'>): Promise<void> {
  const octets = compared(pin)
  try {
    await vault.pins.verifyPin(octets)
  } finally {
    wipe(octets, pin)
  }
}

/** New values are checked first: a malformed one costs no try. The defaults are refused, since everybody knows them. */
export async function change(
  { vault, pinRules }: CardContext,
  { which, old, fresh }: Command<'change'>,
): Promise<void> {
  const former = which === 'pin' ? compared(old) : copyOf(old)
  const next = which === 'pin' ? newPin(fresh, pinRules?.()) : newPuk(fresh)
  try {
    if (which === 'pin') await vault.pins.changePin(former, next)
    else await vault.pins.changePuk(former, next)
    // This verifies the PIN for `once` keys; `always` keys need VERIFY itself. Part 1, table 4b.
    await vault.pins.disarm()
  } finally {
    wipe(former, next, old, fresh)
  }
}

/** A malformed PUK counts as a wrong one, whatever comes with it: programs rely on it to block a card. */
export async function unblock({ vault, pinRules }: CardContext, { puk, fresh }: Command<'unblock'>): Promise<void> {
  const next = isPuk(puk) ? newPin(fresh, pinRules?.()) : copyOf(fresh)
  try {
    await vault.pins.unblockPin(puk, next)
  } finally {
    wipe(next, puk, fresh)
  }
}

/** What is compared: the PIN without its padding, or the whole field where it is all padding. */
function compared(field: Uint8Array): Uint8Array {
  const pin = unpadPin(field)
  return pin === undefined || pin.length === 0 ? copyOf(field) : pin
}

/** Their errors carry the status word 6A80. */
function newPin(field: Uint8Array, rules: PinRules | undefined): Uint8Array {
  const unpadded = unpadPin(field) ?? new Uint8Array(0)
  try {
    const pin = notDefault(pinBytes(unpadded), DEFAULT_PIN)
    checkNewPin(pin, rules)
    return pin
  } finally {
    wipe(unpadded)
  }
}

const newPuk = (field: Uint8Array) => notDefault(pukBytes(field), DEFAULT_PUK)

function notDefault(secret: Uint8Array, known: string): Uint8Array {
  if (!equal(secret, utf8(known))) return secret
  throw new StatusError(SW.CONDITIONS_OF_USE)
}
