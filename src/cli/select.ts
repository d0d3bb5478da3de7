// The card that a command is about, and its PIN.
import { type CardSummary, cardInfo, listCards, openCard } from '../cards/index.ts'
import { examineCertificates } from '../enroll/import.ts'
import { CardError, hasCode, isCardError, PinError, UsageError, valueIf } from '../errors.ts'
import { listReaders } from '../pcsc/readers.ts'
import type { AdminKey } from '../piv/host/admin.ts'
import { accessOf, type Card } from '../piv/host/card.ts'
import type { KeyInfo, SlotContent } from '../piv/host/key-info.ts'
import type { PinUse } from '../piv/host/pin-request.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import { anySecretBytes, pinBytes, pukBytes } from '../piv/pin.ts'
import { pinWeakness } from '../piv/pin-quality.ts'
import { parseSlot, type Slot } from '../piv/slots.ts'
import { storesOf } from '../tpm/stores.ts'
import { adminKeyIn, adminKeyOf, asOn, checkDigits } from './admin-key.ts'
import { type Context, confirm, given } from './context.ts'
import { TEXT } from './messages.ts'
import { plain } from './plain.ts'
import { type Question, standing } from './secrets.ts'
import { waysOutOf } from './ways-out.ts'

const READER = 'reader:'

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

function choiceOf(context: Context): Promise<Choice> {
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

/**
 * Takes the PIN after a look at the tries left: a blocked PIN costs no try, and the last one is not used by accident.
 * @throws PinError ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY, ERR_PIN_REQUIRED, ERR_PIN_FORMAT
 */
export async function takePin(context: Context, card: Card): Promise<Uint8Array> {
  const status = await card.pinStatus()
  const { triesLeft, blocked } = status
  if (blocked) {
    throw new PinError('ERR_PIN_BLOCKED', TEXT.error.pinBlocked(await waysOutOf(card, status)), { triesLeft: 0 })
  }
  refuseLastTry(context, TEXT.what.pin, triesLeft)
  return askPin(context, card, triesLeft)
}

function askPin(context: Context, card: Card, triesLeft: number | undefined): Promise<Uint8Array> {
  return takePinOf(context, card.name, triesLeft, checkOf(card, 'PIN'))
}

/** The same for a card of any maker that is open elsewhere. */
export const askPinOf = (context: Context, card: string, triesLeft: number | undefined): Promise<Uint8Array> =>
  takePinOf(context, card, triesLeft, (octets) => anySecretBytes(octets, 'PIN'))

function takePinOf(context: Context, card: string, triesLeft: number | undefined, check: Check): Promise<Uint8Array> {
  return context.secrets.take({ what: TEXT.what.pin, prompt: TEXT.prompt.pin(card, triesLeft), check })
}

type Check = NonNullable<Question['check']>

/** By the rules of the card: Tessera's cards have their own, even in a reader. */
const checkOf =
  (card: Card, which: 'PIN' | 'PUK'): Check =>
  (octets) =>
    accessOf(card).secrets.bytes(octets, which)

/**
 * How a key gets the PIN when it is used: in the same transaction, asked for when the key needs it, by the same rules.
 */
export function keyPin(context: Context, card: Card): PinUse {
  return { pin: ({ triesLeft }) => askPin(context, card, triesLeft), ...triesToKeep(context) }
}

/** Another program may use up tries while the user types. */
export const triesToKeep = ({ options }: Context) => ({ minTriesLeft: options.lastTry ? 0 : 2 })

/** The same for the PUK; the card itself reports a blocked PUK. @throws PinError ERR_PUK_ABSENT for a card without one */
export async function takePuk(context: Context, card: Card): Promise<Uint8Array> {
  const { puk } = await card.pinStatus()
  if (puk === undefined) throw new PinError('ERR_PUK_ABSENT', TEXT.error.noPuk)
  refuseLastTry(context, TEXT.what.puk, puk.triesLeft)
  const prompt = TEXT.prompt.puk(card.name, puk.triesLeft)
  return context.secrets.take({ what: TEXT.what.puk, prompt, check: checkOf(card, 'PUK') })
}

export const newPin = {
  ...{ what: TEXT.what.newPin, prompt: TEXT.prompt.newPin, check: pinBytes },
  warning(pin: Uint8Array): string | undefined {
    const weakness = pinWeakness(pin)
    return weakness && TEXT.warn.weakPin[weakness]
  },
} satisfies Question
/** The same for an existing card. */
export const newPinOf = (card: Card): Question => ({ ...newPin, check: checkOf(card, 'PIN') })
export const newPukOf = (card: Card): Question => ({ ...newPuk, check: checkOf(card, 'PUK') })

export const newPuk = { what: TEXT.what.newPuk, prompt: TEXT.prompt.newPuk, check: pukBytes } satisfies Question

/** Verifies the PIN of an open card. */
export async function unlock(context: Context, card: Card): Promise<void> {
  await card.verifyPin(await takePin(context, card), triesToKeep(context))
}

/** A card in a reader is not changed with the PIN but with its admin key. */
export const isInReader = (card: Card): boolean => card.name.startsWith(READER)

const ADMIN_KEY_FILE = '--admin-key-file'

/**
 * For a command that uses keys and changes the card more than once: each secret is asked for once, and only when it is
 * needed; a file of secrets has one line for it. After a wait the command asks again.
 */
export function standingRights(context: Context, card: Card) {
  const pin = standing(context.secrets, () => takePin(context, card))
  const adminKey = standing(context.secrets, () => adminKeyFor(context, card))
  const isProtected = standing(context.secrets, () => isManagedByPin(context, card))
  const byAdminKey = context.options.adminKeyFile !== undefined || isInReader(card)
  return {
    use: { ...keyPin(context, card), pin } satisfies PinUse,
    async authorize(): Promise<void> {
      if (await isProtected()) return card.authenticateAdminByPin(await pin(), triesToKeep(context))
      if (byAdminKey) return card.authenticateAdmin(await adminKey())
      if (!(await card.pinStatus()).verified) await card.verifyPin(await pin(), triesToKeep(context))
    },
  }
}

/** A card in a reader that keeps its admin key behind its PIN. */
const isManagedByPin = async ({ options }: Context, card: Card): Promise<boolean> =>
  options.adminKeyFile === undefined && isInReader(card) && (await card.isAdminKeyProtected())

/**
 * Allows a change of the card: with the admin key if --admin-key-file names one or the card is in a reader, else with
 * the PIN. A card in a reader may keep its admin key behind the PIN.
 */
export async function unlockManagement(context: Context, card: Card): Promise<void> {
  if (context.options.adminKeyFile === undefined && !isInReader(card)) return unlock(context, card)
  if (await isManagedByPin(context, card))
    return card.authenticateAdminByPin(await takePin(context, card), triesToKeep(context))
  await card.authenticateAdmin(await adminKeyFor(context, card))
}

async function adminKeyFor(context: Context, card: Card): Promise<AdminKey> {
  const path = context.options.adminKeyFile
  return asOn(card, path === undefined ? await typedAdminKey(context) : await adminKeyIn(context, path, ADMIN_KEY_FILE))
}

async function typedAdminKey(context: Context): Promise<AdminKey> {
  const [what, source] = [TEXT.what.adminKey, ADMIN_KEY_FILE]
  const check = (digits: Uint8Array) => checkDigits(digits, source)
  const digits = await context.secrets.prompt({ what, prompt: TEXT.prompt.adminKey, check, option: source })
  return adminKeyOf(context, digits, source)
}

/**
 * Allows signing with a key and then changing the card, with the PIN asked for once. If use of the key does not ask for
 * the PIN, or the admin key replaces it, the change is allowed beforehand.
 */
export async function unlockToCertify(context: Context, card: Card, slot: Slot): Promise<PinUse> {
  const { pinPolicy } = await card.keyInfo(slot)
  if (await isManagedByPin(context, card)) {
    const { use, authorize } = standingRights(context, card)
    await authorize()
    return use
  }
  const byAdminKey = context.options.adminKeyFile !== undefined || isInReader(card)
  if (byAdminKey || pinPolicy === 'never') await unlockManagement(context, card)
  return keyPin(context, card)
}

function refuseLastTry(context: Context, what: string, triesLeft: number | undefined): void {
  if (triesLeft !== 1 || context.options.lastTry) return
  throw new PinError('ERR_PIN_LAST_TRY', TEXT.error.lastTry(what), { triesLeft })
}

/** The content of the card's slots, from the card file alone; a card in a reader is asked. */
export async function slotsOnFile(context: Context): Promise<SlotsOnFile> {
  const choice = await choiceOf(context)
  if (!('reader' in choice)) return { contents: (await cardInfo(choice.name)).keys, seesAll: true }
  return withCard(context, async (card) => {
    const contents = await card.slotContents()
    return { contents, seesAll: accessOf(card).extras.hasMetadata }
  })
}

interface SlotsOnFile {
  readonly contents: readonly SlotContent[]
  /** False for a card that does not report keys without a certificate. */
  readonly seesAll: boolean
}

/** The key in a slot, in the same way. */
export async function keyOnFile(context: Context, slotName: string): Promise<KeyInfo> {
  const slot = parseSlot(slotName)
  const choice = await choiceOf(context)
  if ('reader' in choice) return withCard(context, (card) => card.keyInfo(slot))
  const key = (await cardInfo(choice.name)).keys.find((candidate) => candidate.slot === slot)
  if (key === undefined) throw new CardError('ERR_KEY_ABSENT', TEXT.error.noKey(slot))
  return key
}

/** Whether a slot has a key, even one that cannot be used here. */
export const hasKey = (card: Card, slot: Slot): Promise<boolean> =>
  card
    .keyInfo(slot)
    .then(() => true)
    .catch(valueIf(isOfOneItem, true))
    .catch(valueIf((error) => hasCode(error, 'ERR_KEY_ABSENT'), false))

/** Asks before a key is overwritten. Content that cannot be parsed may be a key. */
export async function freeSlot(context: Context, card: Card, slot: Slot): Promise<void> {
  if (!(await card.isOccupied(slot))) return
  const { overwrite, overwriteUnknown } = TEXT.confirm
  const known = (await card.keys()).some((key) => key.slot === slot)
  await confirm(context, (known ? overwrite : overwriteUnknown)(slot))
}

/** Asks before a certificate is overwritten, even one that cannot be parsed. */
export async function freeCertificate(context: Context, card: Card, slot: Slot): Promise<void> {
  if (await hasCertificate(card, slot)) await confirm(context, TEXT.confirm.overwriteCert(slot))
}

/** A certificate that cannot be parsed counts too. */
export const hasCertificate = (card: Card, slot: Slot): Promise<boolean> =>
  card
    .getCertificate(slot)
    .then((found) => found !== undefined)
    .catch(valueIf(isOfOneItem, true))

/** Asks before a certificate is stored beside a key although it would be of little use there. @throws CardError */
export async function acceptCertificates(
  context: Context,
  key: Pick<KeyInfo, 'slot' | 'publicKey'>,
  given: readonly Uint8Array[],
): Promise<void> {
  const { findings } = examineCertificates(key, given)
  if (findings.length > 0) await confirm(context, TEXT.confirm.unfitCert(findings))
}
