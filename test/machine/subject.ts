// A card in a TPM as the machine drives it: one act, one answer, in the words of the model.
import { generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { type LocalVault, localChannel } from '../../src/cards/local-card.ts'
import type { CardChannel } from '../../src/channel.ts'
import { type Card, CardError, createCard, destroyCard, PinError } from '../../src/index.ts'
import { triesLeft } from '../../src/iso7816/status.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { challengeMessage, formatChallenge, formatResponse, parseChallenge, respond } from '../../src/tpm/help-desk.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import { send } from '../support/channels.ts'
import { octets } from '../support/octets.ts'
import type { Act, Answer, Response, Settings } from './model.ts'

const helpDesk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const another = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const SLOTS = { '9a': 'once', '9c': 'always', '9e': 'never' } as const
const name = 'machine'
const data = new TextEncoder().encode('A message to sign.')
const nobodys = () =>
  formatChallenge({ cardId: new Uint8Array(randomBytes(16)), nonce: new Uint8Array(randomBytes(16)), seconds: 900 })

export interface Place {
  readonly home: string
  readonly tcti: string
  /** Does not keep a rule, to show that the machine finds it. */
  readonly broken?: (vault: LocalVault) => LocalVault
}

/** What the machine walks over. */
export interface Subject {
  act(act: Act): Promise<Answer>
  close(): Promise<void>
}

export class TpmSubject implements Subject {
  readonly #place: Place
  readonly #keys = new Map<string, KeyObject>()
  #channel: CardChannel
  #card: Card
  /** The last challenge, and the one before. */
  #challenges: readonly [string, string] = [nobodys(), nobodys()]

  static async create(place: Place, settings: Settings): Promise<TpmSubject> {
    const subject = new TpmSubject(place, await TpmSubject.#make(place, settings))
    await subject.#start()
    return subject
  }

  private constructor(place: Place, channel: CardChannel) {
    this.#place = place
    this.#channel = channel
    this.#card = cardOver(channel)
  }

  static async #make(place: Place, settings: Settings): Promise<CardChannel> {
    const { home, tcti } = place
    const card = await createCard({ home, tcti, ...settings, name, helpDeskPublicKey: helpDesk.publicKey })
    await card.verifyPin(settings.pin)
    for (const [slot, pinPolicy] of Object.entries(SLOTS)) await card.generateKey(slot, { pinPolicy })
    await card.close()
    return TpmSubject.#open(place)
  }

  static async #open({ broken = (vault) => vault, ...place }: Place): Promise<CardChannel> {
    return localChannel(broken(await openTpmCard(place, name)))
  }

  async act(act: Act): Promise<Answer> {
    try {
      return { code: 'ok', ...(await this.#act(act)) }
    } catch (error) {
      if (!(error instanceof CardError)) throw error
      const left = error instanceof PinError ? error.triesLeft : undefined
      return { code: error.code, ...(left === undefined ? {} : { left }) }
    }
  }

  async close(): Promise<void> {
    await this.#card.close()
  }

  async #act(act: Act): Promise<Partial<Answer> | undefined> {
    const card = this.#card
    if (act.kind === 'verify') await card.verifyPin(act.pin, act.guarded ? { minTriesLeft: 2 } : {})
    else if (act.kind === 'verifyField') return this.#send(`00200080 08 ${act.field}`)
    else if (act.kind === 'clear') return this.#send('0020ff80')
    else if (act.kind === 'changePin') await card.changePin(act)
    else if (act.kind === 'changePuk') await card.changePuk(act)
    else if (act.kind === 'unblock') await card.unblockPin(act)
    else if (act.kind === 'challenge') this.#challenges = [await card.unblockChallenge(), this.#challenges[0]]
    else if (act.kind === 'respond') {
      await card.unblockWithResponse({ response: this.#response(act.response), newPin: act.newPin })
    } else if (act.kind === 'sign') await this.#sign(act.slot)
    else if (act.kind === 'status') return { status: await card.pinStatus() }
    else if (act.kind === 'read') await card.getObject('chuid')
    else if (act.kind === 'lock') await card.lock()
    else await this.#again(act.kind === 'recreate' ? act.settings : undefined)
    return undefined
  }

  /** Past `Card`, which checks a PIN before it sends it. */
  async #send(apdu: string): Promise<Partial<Answer>> {
    await this.#card.keys() // selects the application, which would else come between this and the next act
    const answer = Buffer.from(await send(this.#channel, octets(apdu)))
    const sw = answer.readUInt16BE(answer.length - 2)
    const left = triesLeft(sw)
    if (left !== undefined) return { code: sw === 0x6983 ? 'ERR_PIN_BLOCKED' : 'ERR_PIN_WRONG', left }
    return sw === 0x9000 ? {} : { code: sw.toString(16) }
  }

  async #sign(slot: string): Promise<void> {
    const signature = await this.#card.sign(slot, data)
    const key = this.#keys.get(slot)
    if (key === undefined || !verify('sha256', data, key, signature)) throw new Error('the signature is wrong')
  }

  #response(kind: Response): string {
    const [last, before] = this.#challenges
    if (kind === 'stale') return respond(before, helpDesk.privateKey)
    if (kind === 'other key') return respond(last, another.privateKey)
    const right = respond(last, helpDesk.privateKey)
    if (kind === 'misread') return right.replace(/[0-9]/, (digit) => (digit === '7' ? '8' : '7'))
    if (kind === 'right') return right
    // The very nonce this card waits for, signed for another card.
    const message = challengeMessage({ ...parseChallenge(last), cardId: new Uint8Array(randomBytes(16)) })
    const key = { key: helpDesk.privateKey, dsaEncoding: 'ieee-p1363' } as const
    return formatResponse(new Uint8Array(sign('sha256', message, key)))
  }

  /** Closed and opened, or destroyed and made anew. */
  async #again(settings: Settings | undefined): Promise<void> {
    await this.#card.close()
    if (settings !== undefined) {
      this.#challenges = [nobodys(), nobodys()]
      await destroyCard(name, this.#place)
      this.#channel = await TpmSubject.#make(this.#place, settings)
    } else this.#channel = await TpmSubject.#open(this.#place)
    this.#card = cardOver(this.#channel)
    if (settings !== undefined) await this.#start()
  }

  async #start(): Promise<void> {
    for (const { slot, publicKey } of await this.#card.keys()) this.#keys.set(slot, publicKey)
  }
}
