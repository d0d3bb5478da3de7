// The cards of a home, as their files describe them and as their TPMs report now.
import { type AnyCardError, type ErrorCode, isCardError } from '../errors.ts'
import type { TryCounter } from '../piv/card/vault.ts'
import type { PinStatus } from '../piv/host/pins.ts'
import { readTries, type TriesAnswer } from '../tpm/read-tries.ts'
import type { CardFile } from '../tpm/store/card-file.ts'
import { openableTcti } from '../tpm/stored-tcti.ts'
import { storesOf } from '../tpm/stores.ts'
import { explicitTcti } from '../tpm/tcti.ts'
import { rememberedPinTries, rememberedPukTries } from '../tpm/vault/advisory.ts'
import { pinState, type TpmCardState } from './states.ts'
import { type ReadableCard, summaryOf } from './summary.ts'

/** A card in a TPM. `error` is set if the TPM was asked and did not report the PIN status. */
export type TpmCardSummary =
  | (ReadableCard & {
      readonly kind: 'tpm'
      readonly state: AskedState
      /** From the TPM; if it was not asked or did not say, from the card file, with `advisory` true. */
      readonly pin: PinStatus
      readonly error?: AnyCardError
    })
  | {
      readonly kind: 'tpm'
      readonly state: 'unreadable'
      readonly name: string
      readonly path: string
      readonly error: AnyCardError
    }

type AskedState = Exclude<TpmCardState, 'unreadable'>

/** The state of a card when its TPM did not report the PIN status. */
const BY_ERROR: Readonly<Partial<Record<ErrorCode, AskedState>>> = {
  ERR_TPM_BUSY: 'in-use',
  ERR_TPM_TIMEOUT: 'in-use',
  ERR_CARD_OTHER_TPM: 'other-tpm',
  ERR_CARD_DEAD: 'dead',
}

export interface TpmListing {
  readonly home?: string
  readonly tcti?: string
  /** How long to wait for a TPM in use by another process; undefined: no TPM is asked. */
  readonly waitMs: number | undefined
}

/** Sorted by name. */
export async function listTpmCards({ home, tcti, waitMs }: TpmListing): Promise<TpmCardSummary[]> {
  const listed = await storesOf({ home }).store.list()
  const files = listed.flatMap((one) => ('card' in one ? [one.card] : []))
  const told = waitMs === undefined ? new Map() : await askAll(files, { home, tcti: explicitTcti(tcti), waitMs })
  return listed.map((one): TpmCardSummary => {
    const { name, path } = one
    try {
      if ('error' in one) throw one.error
      return described(one.card, summaryOf(one.card, path), told.get(one.card))
    } catch (error) {
      // The file is undamaged but a key in it is malformed: the other cards are listed all the same.
      if (!isCardError(error)) throw error
      return { kind: 'tpm', state: 'unreadable', name, path, error }
    }
  })
}

/** Asks all TPMs at once, each over one connection. */
async function askAll(
  cards: readonly CardFile[],
  { tcti, ...place }: { readonly home: string | undefined; readonly tcti: string | undefined; readonly waitMs: number },
): Promise<Map<CardFile, TriesAnswer>> {
  const byTpm = new Map<string, CardFile[]>()
  const refused: Array<readonly [CardFile, TriesAnswer]> = []
  for (const card of cards) {
    const where = tcti ?? addressOf(card)
    if (typeof where === 'string') byTpm.set(where, [...(byTpm.get(where) ?? []), card])
    else refused.push([card, where])
  }
  const answers = await Promise.all(
    [...byTpm].map(async ([where, theirs]) => {
      const told = await readTries({ ...place, tcti: where }, theirs)
      return theirs.map((card, index) => [card, told[index]] as const)
    }),
  )
  const told = answers.flat().filter((pair): pair is readonly [CardFile, TriesAnswer] => pair[1] !== undefined)
  return new Map([...told, ...refused])
}

/** The TPM address in a card file, or an error if a card file may not choose that address. */
function addressOf({ tcti, name }: CardFile): string | { readonly error: AnyCardError } {
  try {
    return openableTcti(tcti, name)
  } catch (error) {
    if (!isCardError(error)) throw error
    return { error }
  }
}

function described(card: CardFile, summary: ReadableCard, told: TriesAnswer | undefined): TpmCardSummary {
  const kind = 'tpm'
  if (told !== undefined && 'pin' in told) {
    const pin = pinStatusOf(card, told)
    return { ...summary, kind, state: pinState(pin), pin }
  }
  const pin = pinStatusOf(card, { pin: rememberedPinTries(card), puk: rememberedPukTries(card) })
  if (told === undefined) return { ...summary, kind, state: 'not-asked', pin }
  const { error } = told
  const state = BY_ERROR[error.code] ?? 'unusable'
  // Another process may use the TPM: that is no error.
  return { ...summary, kind, state, pin, ...(state === 'in-use' ? {} : { error }) }
}

function pinStatusOf(
  { flags }: CardFile,
  { pin, puk }: { readonly pin: TryCounter; readonly puk: TryCounter | undefined },
): PinStatus {
  const left = (counter: TryCounter) => (counter.left === undefined ? {} : { triesLeft: counter.left })
  return {
    ...{ ...left(pin), tries: pin.limit, blocked: pin.left === 0, verified: false },
    ...{ mustChange: flags.mustChangePin, advisory: pin.advisory },
    ...(puk && { puk: { ...left(puk), tries: puk.limit } }),
  }
}
