// Cards and accounts as the page shows them, from the listings of both.
import { type CardSummary, listCards } from '../cards/index.ts'
import { isCardError } from '../errors.ts'
import { type AccountSummary, accounts } from '../signin/accounts.ts'
import type {
  CardAct,
  Shown,
  ShownAccount,
  ShownCard,
  ShownCertificate,
  ShownError,
  ShownSecret,
  ShownState,
} from './shown.ts'

type Readable = Extract<CardSummary, { readonly pin: unknown }>

/** The acts of a card in a TPM and of one in a reader; whether it has a PUK with tries left is asked beside. */
const ACTS: Readonly<Record<ShownState, readonly [tpm: readonly CardAct[], reader: readonly CardAct[]]>> = {
  ready: [
    ['change-pin', 'change-puk', 'rename', 'remove'],
    ['change-pin', 'change-puk'],
  ],
  'must-change-pin': [['change-pin', 'rename', 'remove'], ['change-pin']],
  'pin-blocked': [['unblock', 'rename', 'remove'], ['unblock']],
  'puk-blocked': [['change-pin', 'rename', 'remove'], ['change-pin']],
  'in-use': [[], []],
  busy: [[], []],
  'no-piv': [[], []],
  'other-tpm': [['remove'], []],
  dead: [['remove'], []],
  unusable: [[], []],
  unreadable: [['remove'], []],
  'not-asked': [[], []],
}
const BY_PUK: readonly CardAct[] = ['change-puk', 'unblock']

export async function shownNow(place: { readonly tcti?: string }): Promise<Shown> {
  const [all, known] = [await listCards(place), await accounts()]
  return { cards: shownCards(all), accounts: known.flatMap((one) => ('error' in one ? [] : [shownAccount(one, all)])) }
}

type Readily = Exclude<AccountSummary, { readonly error: unknown }>

function shownAccount({ address, service, card, signedIn, ended }: Readily, all: readonly CardSummary[]): ShownAccount {
  const isCardHere =
    all.some((one) => 'cardId' in one && one.cardId === card.id) || all.some(({ name }) => name === card.name)
  return {
    ...{ address, service, card: card.name, isCardHere },
    ...(signedIn && {
      signedIn: {
        since: signedIn.since.toISOString(),
        expires: signedIn.expires.toISOString(),
        background: signedIn.background,
      },
    }),
    ...(ended && { ended: { at: ended.at.toISOString(), reason: ended.reason } }),
  }
}

/** A card of the TPM that another process serves is used in its reader, and shown there. */
function shownCards(all: readonly CardSummary[]): ShownCard[] {
  const served = all.flatMap((card) => ('tpmCard' in card && card.tpmCard !== undefined ? [card.tpmCard] : []))
  return all.filter((card) => card.kind === 'reader' || !served.includes(card.name)).map(shownCard)
}

function shownCard(card: CardSummary): ShownCard {
  const { state } = card
  const tpmCard = 'tpmCard' in card ? card.tpmCard : undefined
  const base = {
    id: card.name,
    name: tpmCard ?? card.name.replace(/^reader:/, ''),
    state,
    format: card.kind === 'tpm' || tpmCard !== undefined ? 'digits' : 'any',
    ...(card.kind === 'reader' && { reader: card.reader }),
    ...('error' in card && card.error !== undefined && { error: shownError(card.error) }),
  } as const
  const [tpmActs, readerActs] = ACTS[state]
  const acts = card.kind === 'tpm' ? tpmActs : readerActs
  if (!('pin' in card)) {
    const place = card.kind === 'tpm' ? 'tpm' : 'reader'
    return { ...base, place, keys: 0, neverKeys: [], certificates: [], acts }
  }
  const { puk } = card.pin
  const secrets = secretsOf(card)
  const neverKeys = card.kind === 'tpm' ? card.keys.filter((key) => key.pinPolicy === 'never') : []
  return {
    ...base,
    ...secrets,
    place: card.kind === 'reader' ? 'reader' : card.assurance === 'hardware' ? 'tpm' : 'software',
    keys: card.keys.length,
    neverKeys: neverKeys.map(({ slot }) => slot),
    certificates: card.certificates.map(shownCertificate),
    acts: acts.filter((act) => !BY_PUK.includes(act) || (puk !== undefined && puk.triesLeft !== 0)),
  }
}

function secretsOf(card: Readable): { readonly pin: ShownSecret; readonly puk?: ShownSecret } {
  const defaults = card.kind === 'tpm' ? card.defaults : []
  const shown = (status: Readable['pin'] | NonNullable<Readable['pin']['puk']>, isDefault: boolean): ShownSecret => ({
    ...(status.triesLeft !== undefined && { left: status.triesLeft }),
    ...(status.tries !== undefined && { tries: status.tries }),
    isDefault: isDefault || status.isDefault === true,
  })
  const { pin } = card
  const puk = pin.puk && shown(pin.puk, defaults.includes('puk'))
  return { pin: shown(pin, defaults.includes('pin')), ...(puk && { puk }) }
}

const shownCertificate = (listed: Readable['certificates'][number]): ShownCertificate =>
  'error' in listed ? { slot: listed.slot } : listed

export function shownError(error: unknown): ShownError {
  if (!isCardError(error)) return { code: 'ERR_INTERNAL', message: 'Tessera cannot do this now.' }
  const { code, message } = error
  const triesLeft = 'triesLeft' in error ? error.triesLeft : undefined
  return { code, message, ...(triesLeft !== undefined && { triesLeft }) }
}
