// What a TPM says of the tries of its cards, asked in passing: no try is spent, no session is started, nothing is made or
// cleaned up, and whoever has the TPM keeps it.
import { setTimeout as delay } from 'node:timers/promises'
import { type AnyCardError, CardError, TpmError } from '../errors.ts'
import type { TryCounter } from '../piv/card/vault.ts'
import { borrowDevice } from './devices.ts'
import type { CardFile } from './store/card-file.ts'
import { CardState } from './vault/card-state.ts'
import { TpmPins } from './vault/pins.ts'
import { workshop } from './workshop.ts'

export interface TpmPlace {
  readonly home?: string | undefined
  readonly tcti: string
  /** How long to wait for a TPM that somebody else has, in milliseconds. */
  readonly waitMs: number
}

/** `puk` is undefined for a card without one. */
export type Told = { readonly pin: TryCounter; readonly puk: TryCounter | undefined } | { readonly error: AnyCardError }

/** For all answers of a TPM that was reached: the slowest chips take a tenth of a second for a card. */
const ANSWER_MS = 3000

/** What the TPM says of each card, in the same order. One connection serves all of them. */
export async function askTpm({ home, tcti, waitMs }: TpmPlace, cards: readonly CardFile[]): Promise<Told[]> {
  const { home: place, store, table } = workshop({ home })
  const { device, leave } = borrowDevice({ tcti, stateFile: place.tpmState, createState: false, waitMs })
  const told: Told[] = []
  const asking = (async () => {
    for (const card of cards) {
      const last = told.at(-1)
      // A TPM that cannot be reached for one card cannot be reached for the next one.
      if (last !== undefined && 'error' in last && isUnreached(last.error)) told.push(last)
      else told.push(await ask(new TpmPins(new CardState(device, store, card, { table }))))
    }
    return true
  })()
  const late = new AbortController()
  const answered = await Promise.race([
    asking,
    delay(waitMs + ANSWER_MS, false, { signal: late.signal }).catch(() => false),
  ]).finally(() => late.abort())
  const left = leave().catch(() => undefined)
  if (answered) await left
  else asking.catch(() => undefined)
  return cards.map((_, index) => told[index] ?? { error: noAnswer(tcti) })
}

async function ask(pins: TpmPins): Promise<Told> {
  try {
    return { pin: await pins.pinCounter(), puk: await pins.pukCounter() }
  } catch (error) {
    if (!(error instanceof CardError)) throw error
    return { error: error as AnyCardError }
  }
}

const isUnreached = (error: AnyCardError): boolean =>
  error instanceof TpmError && error.layer !== undefined && error.layer !== 'tpm'

const noAnswer = (tcti: string): TpmError =>
  new TpmError('ERR_TPM_TIMEOUT', `The TPM (${tcti}) is at work for somebody else and has not answered in time.`)
