// The card that a command is about.
import { type CardSummary, listCards, openCard } from '../cards/index.ts'
import { CardError, isCardError, UsageError, valueIf } from '../errors.ts'
import { listReaders } from '../pcsc/readers.ts'
import type { Card } from '../piv/host/card.ts'
import { storesOf } from '../tpm/stores.ts'
import { type Context, given } from './context.ts'
import { TEXT } from './messages.ts'
import { plain } from './plain.ts'

export const READER = 'reader:'

/** A card in a TPM by its name, or one in a reader by part of the reader's name. */
type Choice = { readonly name: string } | { readonly reader: string }

/**
 * The TPM card that is meant: the only one where none is named, whatever is in readers.
 * @throws CardError ERR_CARD_NOT_FOUND, ERR_NOT_SUPPORTED; UsageError ERR_CARD_AMBIGUOUS
 */
export async function tpmCardOf({ options }: Context): Promise<string> {
  const { card } = options
  if (card?.startsWith(READER)) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
  if (card !== undefined) return card
  const [only, ...others] = await listCards(FILES)
  if (only === undefined) throw new CardError('ERR_CARD_NOT_FOUND', TEXT.error.noTpmCards)
  if (others.length > 0) throw ambiguous([only, ...others])
  return only.name
}

/** A command chooses once, so that cards that come and go do not change which card it is about. */
const chosen = new WeakMap<Context, Promise<Choice>>()

export function choiceOf(context: Context): Promise<Choice> {
  const choice = chosen.get(context) ?? choose(context)
  chosen.set(context, choice)
  return choice
}

/**
 * The card to show: one in a TPM from its file, even while another process uses the TPM; else one in a reader.
 * @throws CardError ERR_CARD_NOT_FOUND; UsageError ERR_CARD_AMBIGUOUS
 */
export async function choiceToShow(context: Context, argument?: string): Promise<Choice> {
  const said = argument ?? context.options.card
  if (said !== undefined) return named(said)
  const [only, ...others] = await listCards(FILES)
  if (only === undefined) return choiceOf(context)
  if (others.length > 0) throw ambiguous([only, ...others])
  return { name: only.name }
}

/** A card as --card names it. */
export const named = (card: string): Choice =>
  card.startsWith(READER) ? { reader: card.slice(READER.length) } : { name: card }

async function choose(context: Context): Promise<Choice> {
  const { card } = context.options
  return card === undefined ? onlyCard(context) : named(card)
}

/**
 * The only card there is, in a TPM or in a reader. A TPM card that is shown in a reader counts once: it is used in its
 * TPM, or in the reader while another process uses the TPM to serve it. A card in a reader can claim any id: if nobody
 * serves ours, or two cards claim its id, no PIN is sent to a reader.
 * @throws CardError ERR_CARD_NOT_FOUND; UsageError ERR_CARD_AMBIGUOUS
 */
async function onlyCard({ options, out }: Context): Promise<Choice> {
  const cards = (await anyInReaders()) ? await listCards(given({ tcti: options.tcti })) : await listCards(FILES)
  const [only, ...others] = cards.filter(
    (card) => card.kind === 'tpm' || !(card.state === 'no-piv' || card.state === 'unusable' || claims(card, cards)),
  )
  if (only === undefined) throw new CardError('ERR_CARD_NOT_FOUND', TEXT.error.noCardsAtAll)
  if (others.length > 0) throw ambiguous([only, ...others])
  if (only.kind === 'reader') return { reader: only.reader }
  const [claimant, ...more] = cards.flatMap((card) => (card.kind === 'reader' && claims(card, [only]) ? [card] : []))
  const elsewhere = only.state === 'in-use' || only.state === 'unusable'
  if (claimant === undefined || !elsewhere || !(await isServed(only.name))) return { name: only.name }
  if (more.length > 0) throw ambiguous([only, claimant, ...more])
  if (claimant.tpmCard !== only.name) return { name: only.name }
  await out.note(TEXT.done.shownIn(only.name, plain(claimant.reader)))
  return { reader: claimant.reader }
}

async function isServed(name: string): Promise<boolean> {
  return (await storesOf({}).served.elsewhere()).some((served) => served.name === name)
}

const FILES = { filesOnly: true } as const
/** Whether a card claims the id of one of these TPM cards. The claim proves nothing (`tpmCard` does). */
const claims = (card: CardSummary, cards: readonly CardSummary[]): boolean =>
  'cardId' in card &&
  card.cardId !== undefined &&
  cards.some((own) => own.kind === 'tpm' && 'cardId' in own && own.cardId === card.cardId)

/** Checked first, because it is cheap: without a reader there is no wait for a TPM either. */
async function anyInReaders(): Promise<boolean> {
  const readers = await listReaders({ waitMs: 1000 }).catch(valueIf(isCardError, []))
  return readers.some(({ card }) => card)
}

function ambiguous(cards: readonly CardSummary[]): UsageError {
  return new UsageError('ERR_CARD_AMBIGUOUS', TEXT.error.ambiguous(cards.map((card) => plain(card.name))))
}

/** Runs `work` with the chosen card. */
export async function withCard<Result>(context: Context, work: (card: Card) => Promise<Result>): Promise<Result> {
  const choice = await choiceOf(context)
  if ('reader' in choice) return context.using(openCard(choice), work)
  return context.using(openCard({ ...choice, ...given({ tcti: context.options.tcti }) }), work)
}
