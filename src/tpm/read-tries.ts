// Reads from a TPM how many tries its cards have left. It uses up no try, starts no session, creates and cleans up
// nothing, and never takes the TPM from another user.
import { setTimeout as delay } from 'node:timers/promises'
import { type AnyCardError, isCardError, TpmError } from '../errors.ts'
import type { TryCounter } from '../piv/card/vault.ts'
import { borrowDevice } from './devices.ts'
import type { CardFile } from './store/card-file.ts'
import { storesOf } from './stores.ts'
import { CardState } from './vault/card-state.ts'
import { TpmPins } from './vault/pins.ts'

export interface TpmPlace {
  readonly home?: string | undefined
  readonly tcti: string
  /** How long to wait for a TPM that another program uses, in milliseconds. */
  readonly waitMs: number
}

/** `puk` is undefined for a card without one. */
export type TriesAnswer =
  | { readonly pin: TryCounter; readonly puk: TryCounter | undefined }
  | { readonly error: AnyCardError }

/** For all answers of a TPM that was reached: the slowest chips take 0.1 s for each card. */
const ANSWER_MS = 3000

/** The tries of each card, in the same order, over one connection. */
export async function readTries({ home, tcti, waitMs }: TpmPlace, cards: readonly CardFile[]): Promise<TriesAnswer[]> {
  const { home: place, store, table } = storesOf({ home })
  const { device, leave } = borrowDevice({ tcti, stateFile: place.tpmState, createState: false, waitMs })
  const answers: TriesAnswer[] = []
  const asking = (async () => {
    for (const card of cards) {
      const last = answers.at(-1)
      // A TPM that is out of reach for one card is out of reach for the next one too.
      if (last !== undefined && 'error' in last && isUnreached(last.error)) answers.push(last)
      else answers.push(await ask(new TpmPins(new CardState(device, store, card, { table }))))
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
  return cards.map((_, index) => answers[index] ?? { error: noAnswer(tcti) })
}

async function ask(pins: TpmPins): Promise<TriesAnswer> {
  try {
    return { pin: await pins.pinCounter(), puk: await pins.pukCounter() }
  } catch (error) {
    if (!isCardError(error)) throw error
    return { error }
  }
}

const isUnreached = (error: AnyCardError): boolean =>
  error instanceof TpmError && error.layer !== undefined && error.layer !== 'tpm'

const noAnswer = (tcti: string): TpmError =>
  new TpmError('ERR_TPM_TIMEOUT', `The TPM (${tcti}) is busy with another program and did not answer in time.`)
