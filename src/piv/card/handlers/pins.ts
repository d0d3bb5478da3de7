// VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER. SP 800-73-5 part 2, 3.2.1 to 3.2.3.
import { copyOf, wipe } from '../../../bytes.ts'
import { StatusError, SW, wrongTry } from '../../../iso7816/status.ts'
import { FIRST_STATE, isFirst, type Model, modelOf } from '../../first-state.ts'
import { isPuk, pinBytes, pukBytes, unpadPin } from '../../pin.ts'
import { checkNewPin } from '../../pin-quality.ts'
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

/**
 * New values are checked first: a malformed one costs no try. The first PIN is refused, since everybody knows it, and so is
 * the first PUK except on a card that is to be like a YubiKey.
 */
export async function change(context: CardContext, { which, old, fresh }: Command<'change'>): Promise<void> {
  const { vault } = context
  const former = which === 'pin' ? compared(old) : copyOf(old)
  const next = which === 'pin' ? newPin(context, fresh) : newPuk(context, fresh)
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
export async function unblock(context: CardContext, { puk, fresh }: Command<'unblock'>): Promise<void> {
  const { vault } = context
  const next = isPuk(puk) ? newPin(context, fresh) : copyOf(fresh)
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
function newPin({ identity, pinRules }: CardContext, field: Uint8Array): Uint8Array {
  const unpadded = unpadPin(field) ?? new Uint8Array(0)
  try {
    const pin = notFirst(modelOf(identity()), 'pin', pinBytes(unpadded))
    checkNewPin(pin, pinRules?.())
    return pin
  } finally {
    wipe(unpadded)
  }
}

function newPuk({ identity }: CardContext, field: Uint8Array): Uint8Array {
  const model = modelOf(identity())
  const puk = pukBytes(field)
  return FIRST_STATE[model].trustsDefaults ? puk : notFirst(model, 'puk', puk)
}

function notFirst(model: Model, which: 'pin' | 'puk', secret: Uint8Array): Uint8Array {
  if (!isFirst(model, which, secret)) return secret
  throw new StatusError(SW.CONDITIONS_OF_USE)
}
