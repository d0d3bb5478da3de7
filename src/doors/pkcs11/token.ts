// A card as one program sees it. Each program has the card opened for itself: what one proves serves no other.
import { copyOf, wipe } from '../../bytes.ts'
import { hasCode } from '../../errors.ts'
import { accessOf, type Card } from '../../piv/host/card.ts'
import { CkrError } from './codes.ts'
import { type CardFacts, readContents, readFacts } from './contents.ts'
import { KeptObjects } from './kept-objects.ts'
import type { TokenObject } from './objects.ts'

/** A card that can be opened. */
export interface CardSource {
  /** As programs show it: at most 32 octets. */
  readonly label: string
  /** It is in a reader. */
  readonly isRemovable: boolean
  open(): Promise<Card>
}

export type Login = 'nobody' | 'user' | 'so'

/** Without a session the card is let go after a moment, since programs ask for one fact after the other. */
const REST_MS = 2000

export class Token {
  readonly slot: number
  readonly source: CardSource
  readonly objects = new KeptObjects()
  /** How many sessions there are. */
  sessions = 0
  readonly #minTriesLeft: number
  #login: Login = 'nobody'
  #puk: Uint8Array | undefined
  #card: Promise<Card> | undefined
  #facts: CardFacts | undefined
  #isRead = false
  #resting: NodeJS.Timeout | undefined

  constructor(slot: number, source: CardSource, minTriesLeft: number) {
    this.slot = slot
    this.source = source
    this.#minTriesLeft = minTriesLeft
  }

  get login(): Login {
    return this.#login
  }

  /** The fewest tries with which a PIN is still sent to the card. */
  get leastTries(): number {
    return Math.max(1, this.#minTriesLeft)
  }

  /** @throws as `CardSource.open` */
  async card(): Promise<Card> {
    clearTimeout(this.#resting)
    this.#card ??= this.source.open()
    try {
      return await this.#card
    } catch (error) {
      this.#card = undefined
      throw error
    } finally {
      if (this.sessions === 0)
        this.#resting = setTimeout(() => void this.close().catch(() => undefined), REST_MS).unref()
    }
  }

  async facts(): Promise<CardFacts> {
    this.#facts ??= await readFacts(await this.card())
    return this.#facts
  }

  /** What the program may see now, by handle. */
  async visible(): Promise<ReadonlyMap<number, TokenObject>> {
    await this.#read()
    return this.objects.visible(this.#login === 'user')
  }

  /** @throws CkrError CKR_OBJECT_HANDLE_INVALID */
  async object(handle: number): Promise<TokenObject> {
    const found = (await this.visible()).get(handle)
    if (found === undefined) throw new CkrError('CKR_OBJECT_HANDLE_INVALID')
    return found
  }

  /** The card was changed. */
  changed(): void {
    this.#isRead = false
  }

  /** @throws PinError; CkrError */
  async logInUser(pin: Uint8Array): Promise<void> {
    if (this.#login === 'user') throw new CkrError('CKR_USER_ALREADY_LOGGED_IN')
    if (this.#login === 'so') throw new CkrError('CKR_USER_ANOTHER_ALREADY_LOGGED_IN')
    await this.verify(pin)
    this.#login = 'user'
  }

  /** Costs a try where the PIN is wrong. Allows no use of a key that wants the PIN for every use. @throws PinError */
  async verify(pin: Uint8Array): Promise<void> {
    await accessOf(await this.card()).verify(pin, this.#minTriesLeft, true)
  }

  /** A card checks a PUK only when it is used: until then it is kept. @throws PinError ERR_PUK_FORMAT; CkrError */
  async logInSo(puk: Uint8Array): Promise<void> {
    if (this.#login === 'so') throw new CkrError('CKR_USER_ALREADY_LOGGED_IN')
    if (this.#login === 'user') throw new CkrError('CKR_USER_ANOTHER_ALREADY_LOGGED_IN')
    const card = await this.card()
    wipe(accessOf(card).secrets.bytes(puk, 'PUK'))
    await this.keepPuk(card)
    this.#puk = copyOf(puk)
    this.#login = 'so'
  }

  /** Whether the PUK has a try to spare. @throws CkrError */
  async keepPuk(card: Card): Promise<void> {
    const { puk } = await card.pinStatus()
    if (puk === undefined) throw new CkrError('CKR_USER_TYPE_INVALID')
    if ((puk.triesLeft ?? this.leastTries) < this.leastTries) throw new CkrError('CKR_PIN_LOCKED')
  }

  /** @throws CkrError CKR_USER_NOT_LOGGED_IN */
  get puk(): Uint8Array {
    if (this.#puk === undefined) throw new CkrError('CKR_USER_NOT_LOGGED_IN')
    return this.#puk
  }

  set puk(puk: Uint8Array) {
    const kept = copyOf(puk)
    wipe(this.#puk)
    this.#puk = kept
  }

  async logOut(): Promise<void> {
    if (this.#login === 'nobody') throw new CkrError('CKR_USER_NOT_LOGGED_IN')
    this.#forget()
    await (await this.card()).lock()
  }

  /** Runs one use of a key; where the card has forgotten the PIN, nobody is logged in any more. */
  async using<T>(use: (card: Card) => Promise<T>): Promise<T> {
    try {
      return await use(await this.card())
    } catch (error) {
      if (hasCode(error, 'ERR_PIN_REQUIRED') && this.#login === 'user') this.#forget()
      throw error
    }
  }

  /** The card is let go, and forgets what was proved. */
  async close(): Promise<void> {
    clearTimeout(this.#resting)
    this.#forget()
    this.objects.clear()
    this.#isRead = false
    const card = this.#card
    this.#card = undefined
    this.#facts = undefined
    await (await card?.catch(() => undefined))?.close()
  }

  #forget(): void {
    this.#login = 'nobody'
    wipe(this.#puk)
    this.#puk = undefined
  }

  async #read(): Promise<void> {
    if (this.#isRead) return
    this.objects.replace(await readContents(await this.card()))
    this.#isRead = true
  }
}
