// A card in the embedded TPM and a CA for each test of an enrolment, and what is asked of them again and again.
import { test } from 'uvu'
import { type EnrollOptions, enroll } from '../../../src/enroll/index.ts'
import { type Card, createCard, openCard } from '../../../src/index.ts'
import { tempDir } from '../../support/temp.ts'
import { type TestCa, testCa } from './ca.ts'

export const PIN = '135790'
export const home = tempDir('home')
export let card: Card
export let ca: TestCa
let count = 0
/** Of the card. */
export const name = () => `work${count}`

test.before.each(async () => {
  count += 1
  card = await createCard({ name: name(), tcti: 'embedded:', home, pin: PIN })
  await card.verifyPin(PIN)
  ca = testCa()
})
test.after.each(() => card?.close())

/** The card as another process has it, which opens it by its name. */
export async function openedAgain(): Promise<void> {
  await card.close()
  card = await openCard({ name: name(), home })
  await card.verifyPin(PIN)
}

export const go = (options: Partial<EnrollOptions> = {}) => enroll(card, { ca, home, pin: PIN, ...options })
export const spki = async (slot: string) => (await card.keyInfo(slot)).publicKey.export({ type: 'spki', format: 'pem' })

/** Everything of a card that an enrolment could change. */
export async function everything(): Promise<unknown> {
  const keys = await card.keys()
  const slots = keys.map(({ slot, publicKey }) => [slot, publicKey.export({ type: 'spki', format: 'pem' })])
  const certificates = await Promise.all(['9a', '9c', '9d', '95', '94', '93'].map((slot) => card.getCertificate(slot)))
  return [slots, certificates, (await card.objects()).map(({ tag }) => tag)]
}

export const placesOfKeys = async () => (await card.keys()).map(({ slot }) => slot).sort()

export async function enrolled(options: Partial<EnrollOptions> = {}) {
  const result = await go(options)
  if (result.state !== 'enrolled') throw new Error(`it is ${result.state}`)
  return result
}
