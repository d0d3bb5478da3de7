/**
 * Enrolment: key, request, submission, waiting, checking, storing, proving. Its state is in a file, so the same call
 * continues where the last one ended, however that was. Nothing on the card is replaced until the new certificate has
 * been checked and the new key has signed.
 */
import type { KeyObject } from 'node:crypto'
import { equal } from '../bytes.ts'
import { CaError, CardError, PinError, UsageError } from '../errors.ts'
import { parseAlgorithm, parseHash } from '../piv/algorithms.ts'
import type { Card } from '../piv/host/card.ts'
import { isOfOneItem } from '../piv/host/readable.ts'
import { defaultPinPolicy, parseSlot, type Slot } from '../piv/slots.ts'
import { type Checked, checkIssued } from './check.ts'
import { checkContent } from './content.ts'
import { describeCertificate } from './describe.ts'
import type { EnrollEvent, EnrollOptions, EnrollResult } from './enroll-options.ts'
import { checkFriendlyName } from './friendly-name.ts'
import { cardIdOf } from './identity.ts'
import { certificateIn, install, publicKeyIn } from './install.ts'
import { choosePlace } from './place.ts'
import { programVerdicts } from './programs.ts'
import { prove, proveIn } from './proof.ts'
import { assertSameOptions, remembered, rememberedAgain } from './remembered.ts'
import { certificateToRenew } from './renewal.ts'
import { requestRenewal } from './request.ts'
import { keyOfRequest } from './request-key.ts'
import { askedOf, pendingResult, withoutRequest } from './request-state.ts'
import type { Enrolment, EnrolmentFile, Enrolments } from './state.ts'
import { Submission } from './submission.ts'

export async function enrol(card: Card, options: EnrollOptions, enrolments: Enrolments): Promise<EnrollResult> {
  const slot = parseSlot(options.slot ?? '9a')
  parseAlgorithm(options.algorithm ?? 'P-256')
  parseHash(options.hash ?? 'SHA-256')
  checkContent(options)
  if (options.friendlyName !== undefined) checkFriendlyName(options.friendlyName)
  const { mustChange } = await card.pinStatus()
  if (mustChange) {
    throw new PinError(
      'ERR_PIN_CHANGE_REQUIRED',
      'The first PIN of this card must be changed before it enrols: tessera pin change.',
    )
  }
  return enrolments.alone(await cardIdOf(card), slot, (file) => new Run(card, slot, options, file).run())
}

/** Errors of a card that reports no key, or another one. */
const OTHER_KEY: readonly string[] = ['ERR_KEY_ABSENT', 'ERR_CERTIFICATE_KEY']

class Run {
  readonly #card: Card
  readonly #slot: Slot
  readonly #options: EnrollOptions
  readonly #file: EnrolmentFile

  constructor(card: Card, slot: Slot, options: EnrollOptions, file: EnrolmentFile) {
    this.#card = card
    this.#slot = slot
    this.#options = options
    this.#file = file
  }

  async run(): Promise<EnrollResult> {
    const found = await this.#begun()
    if (found?.request !== undefined) await this.#nameKey(found.place, found.request)
    if (found !== undefined) this.#say({ step: 'resume', from: found.step, started: new Date(found.started) })
    let at = found ?? (await this.#reserve())
    if (at.step === 'reserved') at = await this.#request(at)
    this.#assertSameCa(at)
    at = await this.#submission().run(at)
    if (at.step === 'pending') return pendingResult(this.#slot, at)
    return this.#finish(at)
  }

  /**
   * Gives `Card` the key of an earlier request, which the card may not report. What the card reports wins.
   */
  async #nameKey(place: string, request: Uint8Array): Promise<void> {
    try {
      await this.#card.nameKey(place, keyOfRequest(request))
    } catch (error) {
      if (!isOfOneItem(error) && !(error instanceof CardError && OTHER_KEY.includes(error.code))) throw error
    }
  }

  /** A choice without consequences is made again, since the user's options or the card may have changed. */
  async #begun(): Promise<Enrolment | undefined> {
    const read = await this.#file.read()
    const other = read !== undefined && assertSameOptions(read, this.#options)
    const asked = read?.asked ?? new Uint8Array(0)
    const changed = read?.step === 'requested' && (other || !equal(asked, askedOf(this.#options)))
    const found = read && changed ? withoutRequest(read) : read
    if (found?.step !== 'reserved') return found
    if (found.place === found.slot) return undefined
    const { algorithm, pinPolicy } = this.#options
    const { newKey } = found
    if (newKey === undefined) return found
    const wanted = {
      ...newKey,
      ...(algorithm && { algorithm: parseAlgorithm(algorithm) }),
      ...(pinPolicy && { pinPolicy }),
    }
    return { ...found, newKey: wanted }
  }

  #say(event: EnrollEvent): void {
    this.#options.signal?.throwIfAborted()
    this.#options.onEvent?.(event)
  }

  /** Chooses the place of the key, and records it before the key is made. */
  async #reserve(): Promise<Enrolment> {
    const { authorize, algorithm = 'P-256', pinPolicy = defaultPinPolicy(this.#slot), renew = false } = this.#options
    await authorize?.()
    const before = await this.#file.read()
    return this.#file.choosing(async (taken) => {
      const { place, newKey, retireTo } = await choosePlace(this.#card, this.#slot, this.#options, taken)
      const made = newKey ? { algorithm: parseAlgorithm(algorithm), pinPolicy } : await this.#madeBefore(before)
      return this.#file.write({
        step: 'reserved',
        started: new Date().toISOString(),
        slot: this.#slot,
        place,
        ...(made && { newKey: made }),
        ...(retireTo !== undefined && { retireTo }),
        renewal: renew && (await this.#issuedBefore()),
        options: remembered(this.#options),
      })
    })
  }

  /** A key made in its slot for a request that has been changed since: `abandon` must still find it. */
  async #madeBefore(before: Enrolment | undefined): Promise<Enrolment['newKey']> {
    if (before?.request === undefined || before.place !== this.#slot) return undefined
    const key = await publicKeyIn(this.#card, this.#slot)
    return key?.equals(keyOfRequest(before.request)) ? before.newKey : undefined
  }

  /** Whether a CA issued the certificate: a self-signed one has nothing to renew there. */
  async #issuedBefore(): Promise<boolean> {
    const found = await certificateIn(this.#card, this.#slot)
    return found !== undefined && !describeCertificate(found.certificate).selfSigned
  }

  async #request(at: Enrolment): Promise<Enrolment> {
    const { onEvent: _, onBehalfOf: __, ca, template, friendlyName, ...options } = this.#options
    await this.#makeKey(at)
    this.#say({ step: 'request' })
    const old = this.#options.renew ? await certificateIn(this.#card, this.#slot) : undefined
    const content = { ...options, ...(template !== undefined && { template }), forSlot: this.#slot }
    const request = await requestRenewal(this.#card, at.place, content, old && certificateToRenew(old.certificate))
    const named = { ...(template !== undefined && { template }), ...(friendlyName !== undefined && { friendlyName }) }
    const begun = rememberedAgain(at, this.#options)
    return this.#file.write({
      ...at,
      ...named,
      options: begun,
      step: 'requested',
      ca: ca.name,
      asked: askedOf(this.#options),
      request,
    })
  }

  /** The place was empty when it was chosen, so a key in it is ours, from an earlier try. */
  async #makeKey({ place, newKey }: Enrolment): Promise<void> {
    if (newKey === undefined) return
    const found = (await this.#card.keys()).find((one) => one.slot === place)
    if (found?.algorithm === newKey.algorithm && found.pinPolicy === newKey.pinPolicy) return
    this.#say({ step: 'key', slot: place, algorithm: newKey.algorithm })
    await this.#options.authorize?.()
    await this.#card.generateKey(place, newKey)
  }

  #assertSameCa({ ca }: Enrolment): void {
    if (ca === undefined || ca === this.#options.ca.name) return
    throw new UsageError(
      'ERR_USAGE',
      `An enrolment into slot ${this.#slot} waits at another CA (${ca}). Go on with that one, or give it up: tessera enroll ${this.#slot} --abandon.`,
    )
  }

  #submission(): Submission {
    const { ca, wait, signal, onBehalfOf } = this.#options
    const given = {
      ...(wait !== undefined && { wait }),
      ...(signal !== undefined && { signal }),
      ...(onBehalfOf !== undefined && { onBehalfOf }),
    }
    return new Submission({ ca, ...given, file: this.#file, say: (event) => this.#say(event) })
  }

  async #finish(at: Enrolment): Promise<EnrollResult> {
    const { certificate } = at
    if (certificate === undefined)
      throw new CardError(
        'ERR_DATA',
        `The enrolment has no certificate. Give it up: tessera enroll ${this.#slot} --abandon.`,
      )
    const key = await this.#keyOf(at)
    const checked = await this.#check(at, certificate, key)
    const proving = { card: this.#card, key, options: this.#options }
    const testing = () => this.#say({ step: 'test' })
    const proved = await prove(proving, [at.place, at.slot], testing)
    this.#say({ step: 'store', slot: this.#slot, ...(at.retireTo !== undefined && { retiredTo: at.retireTo }) })
    await this.#options.authorize?.()
    await install(this.#card, { ...at, certificate, chain: [...checked.chain] }, key)
    if (!proved) {
      testing()
      await proveIn(this.#slot, proving).catch((why: unknown) => this.#takeOut(why))
    }
    await this.#file.remove()
    const programs = programVerdicts(checked.description, this.#slot)
    return { state: 'enrolled', slot: this.#slot, ...checked, programs }
  }

  /**
   * The public key of the request. It has to be in one of the two places, unless the card is one in a reader that may
   * not report a key without a certificate.
   */
  async #keyOf({ place, slot, request }: Enrolment): Promise<KeyObject> {
    const key = keyOfRequest(request)
    const found = [await publicKeyIn(this.#card, place), await publicKeyIn(this.#card, slot)]
    const mayBeHidden = place === slot && found[0] === undefined && this.#card.name.startsWith('reader:')
    if (mayBeHidden || found.some((one) => one?.equals(key))) return key
    throw new CardError(
      'ERR_KEY_ABSENT',
      `The key that was enrolled is not in slot ${place} any more. Give the enrolment up: tessera enroll ${slot} --abandon.`,
    )
  }

  async #check(at: Enrolment, certificate: Uint8Array, publicKey: KeyObject): Promise<Checked> {
    const { ca, trust, force = false, signal } = this.#options
    const own = await ca.cacerts(signal === undefined ? {} : { signal }).catch((error: unknown) => {
      // The certificate is already here; with `trust` given, the CA's own certificates are not needed.
      if (trust === undefined) throw error
      return []
    })
    const checked = checkIssued(
      { slot: this.#slot, publicKey },
      certificate,
      [...(at.chain ?? []), ...own],
      trust ?? own,
    )
    this.#say({ step: 'check', certificate: checked.description, findings: checked.findings })
    if (checked.findings.length === 0 || force) return checked
    throw new CaError(
      'ERR_CA_CERTIFICATE',
      `The CA sent a certificate that would be of little use in slot ${this.#slot}: ${checked.findings.join('; ')}. The card is as it was.`,
    )
  }

  /** Removes the certificate again: a card that neither reports the key nor signs with it may be the wrong card. */
  async #takeOut(why: unknown): Promise<never> {
    await this.#card.deleteCertificate(this.#slot).catch(() => undefined)
    throw why
  }
}
