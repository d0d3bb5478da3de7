// Tries left as far as this machine knows, for TPMs whose owner password hides the real count. Shown as an estimate.
import { PinError } from '../../errors.ts'
import type { TryCounter } from '../../piv/card/vault.ts'
import type { Role } from '../policy/terms.ts'
import type { CardFile } from '../store/card-file.ts'

type Update = (change: (card: CardFile) => CardFile) => Promise<void>

export function rememberedPinTries({ pin, advisory }: CardFile): TryCounter {
  return { left: advisory?.pinLeft, limit: pin.tries, advisory: true }
}

/** undefined: a card without a PUK. */
export function rememberedPukTries({ puk, advisory }: CardFile): TryCounter | undefined {
  return puk.present ? { left: advisory?.pukLeft, limit: puk.tries, advisory: true } : undefined
}

/** Records the result of a try. If the card file cannot be written, the advisory count is lost, never the answer. */
export function rememberTries(role: Role, card: CardFile, update: Update) {
  const member = role === 'pin' ? 'pinLeft' : 'pukLeft'
  const full = { pinLeft: card.pin.tries, pukLeft: card.puk.tries }
  const record = (left: number) =>
    update((now) => ({ ...now, advisory: { ...(now.advisory ?? full), [member]: left } })).catch(() => undefined)
  return {
    async right(): Promise<void> {
      if (card.advisory !== undefined && card.advisory[member] !== full[member]) await record(full[member])
    },
    /** The error for the caller, with a count where the TPM gave none. */
    async wrong(error: unknown): Promise<unknown> {
      if (!(error instanceof PinError)) return error
      const own = role === 'pin' ? 'ERR_PIN_' : 'ERR_PUK_'
      if (error.code === `${own}BLOCKED` && card.advisory !== undefined) await record(0)
      if (error.code !== `${own}WRONG` || error.triesLeft !== undefined) return error
      const left = Math.max((card.advisory ?? full)[member] - 1, 0)
      await record(left)
      return new PinError(error.code, `${error.message} About ${left} tries left, as far as this machine knows.`, {
        cause: error,
        triesLeft: left,
      })
    },
  }
}
