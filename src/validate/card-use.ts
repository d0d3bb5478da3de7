// How good the keys of a card are, and how long it takes for what programs do: over `Card`, whatever card it is.
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, publicEncrypt } from 'node:crypto'
import { isCardError } from '../errors.ts'
import { SW } from '../iso7816/status.ts'
import type { Card } from '../piv/host/card.ts'
import type { KeyInfo } from '../piv/host/key-info.ts'
import { ATTACKS } from './quality/attacks.ts'
import { byChance } from './quality/figure.ts'
import { nonceFigures, SIGNATURES, signatureFigures, type TimedSignature } from './quality/nonces.ts'
import { toNumber } from './quality/numbers.ts'
import { rsaFigures } from './quality/rsa.ts'
import { compare, type Distribution, distributionOf } from './timing/distribution.ts'
import { type Effort, repeat } from './timing/repeat.ts'
import { figuring, type TpmOutcome as Outcome } from './tpm/check.ts'
import { scratchKey, scratchScalar } from './tpm/scratch.ts'

export interface CardUnderTest extends Effort {
  readonly card: Card
  /** The caller wipes it. Without one only keys that ask for none are used. */
  readonly pin?: Uint8Array | undefined
}

export interface CardUseCheck {
  readonly id: string
  readonly title: string
  readonly source: string
  /** N proves nothing; P verifies the PIN; R spends tries and gives them back; W writes: a spare card. */
  readonly class: 'N' | 'P' | 'R' | 'W'
  readonly run: (card: CardUnderTest) => Promise<Outcome>
}

const MANY = 200
const FEW = 20
/** Fewer signatures say nothing of nonces. */
const LEAST_SIGNATURES = 100
/** A slot for retired keys, which is used only if it is empty. */
const SPARE = '95'
/** What cards say of a slot that they do not have. Retired keys are optional: SP 800-73-5 part 1, table 4b. */
const NO_SLOT: readonly number[] = [SW.WRONG_DATA, SW.WRONG_PARAMETERS, SW.REFERENCE_NOT_FOUND]

const none = (says: string): Outcome => ({ verdict: 'skipped', says })
const ms = (us: number): string => `${(us / 1000).toPrecision(3)} ms`
const isEc = ({ algorithm }: KeyInfo): boolean => algorithm.startsWith('P-')
const isRsa = ({ algorithm }: KeyInfo): boolean => algorithm.startsWith('RSA')

function told(times: Readonly<Record<string, Distribution>>): Outcome {
  const says = Object.entries(times).map(([name, { p50, p99 }]) => `${name}: ${ms(p50)} (p99 ${ms(p99)})`)
  return { verdict: 'info', says: `${says.join('; ')}.`, times }
}

const modulusOf = (key: KeyObject): bigint =>
  toNumber(Buffer.from((key.export({ format: 'jwk' }) as { n: string }).n, 'base64url'))

async function rsaKeys({ card }: CardUnderTest): Promise<Outcome> {
  const keys = (await card.keys()).filter(isRsa)
  if (keys.length === 0) return none('The card has no RSA key.')
  const figures = rsaFigures(keys.map(({ publicKey }) => modulusOf(publicKey)))
  return figuring(`The RSA keys in ${keys.map(({ slot }) => slot).join(', ')} have no fault that shows.`, figures)
}

/** The PIN where a key asks for it at each use; otherwise it was verified before. */
const proof = ({ pinPolicy }: Pick<KeyInfo, 'pinPolicy'>, { pin }: CardUnderTest) =>
  pinPolicy === 'always' && pin !== undefined ? { pin } : {}

/** The keys that can be used here, once the PIN was verified. */
async function usable(test: CardUnderTest, kind: (key: KeyInfo) => boolean): Promise<KeyInfo[]> {
  const keys = (await test.card.keys()).filter(kind)
  if (test.pin === undefined) return keys.filter(({ pinPolicy }) => pinPolicy === 'never')
  await test.card.verifyPin(test.pin, { minTriesLeft: 2 })
  return keys
}

async function signatures(
  test: CardUnderTest,
  key: { readonly slot: string; readonly pinPolicy: KeyInfo['pinPolicy'] },
): Promise<TimedSignature[]> {
  const signed: Omit<TimedSignature, 'us'>[] = []
  const times = await repeat(test, SIGNATURES, async (at) => {
    const digest = Uint8Array.from(createHash('sha256').update(`${at}`).digest())
    const signature = await test.card.signDigest(key.slot, digest, { format: 'raw', ...proof(key, test) })
    const half = signature.length / 2
    signed.push({
      h: toNumber(digest),
      r: toNumber(signature.subarray(0, half)),
      s: toNumber(signature.subarray(half)),
    })
  })
  return signed.map((one, at) => ({ ...one, us: times[at] ?? 0 }))
}

const timesOf = (all: readonly TimedSignature[]): Distribution => distributionOf(all.map(({ us }) => us))

async function ownSignatures(test: CardUnderTest): Promise<Outcome> {
  const [key] = await usable(test, isEc)
  if (key === undefined || key.algorithm === 'RSA-2048') return none('The card has no EC key that can be used here.')
  const all = await signatures(test, key)
  if (all.length < LEAST_SIGNATURES) return none(`Only ${all.length} signatures in the time that was given.`)
  const figures = signatureFigures(all, key.algorithm === 'P-384' ? 'P-384' : 'P-256')
  const name = `ECDSA ${key.algorithm}, slot ${key.slot}`
  return figuring(`${all.length} signatures of slot ${key.slot} repeat nothing.`, figures, { [name]: timesOf(all) })
}

/** Runs `work` with a key of its own in the spare slot, and removes it. */
async function inSpareSlot(test: CardUnderTest, work: () => Promise<Outcome>): Promise<Outcome> {
  const { card, pin } = test
  if (await card.isOccupied(SPARE)) return none(`Slot ${SPARE} is in use.`)
  if (pin !== undefined) await card.verifyPin(pin, { minTriesLeft: 2 })
  try {
    return await work()
  } catch (error) {
    if (!isCardError(error)) throw error
    if (error.code === 'ERR_NOT_SUPPORTED') return none(error.message)
    if (NO_SLOT.includes(error.sw ?? 0)) return none(`The card takes no key in slot ${SPARE}: ${error.message}`)
    throw error
  } finally {
    if (await card.isOccupied(SPARE)) await card.deleteKey(SPARE)
  }
}

const knownNonces = (test: CardUnderTest): Promise<Outcome> =>
  inSpareSlot(test, async () => {
    await test.card.importKey(SPARE, scratchKey('nonces'), { pinPolicy: 'once' })
    const all = await signatures(test, { slot: SPARE, pinPolicy: 'once' })
    if (all.length < LEAST_SIGNATURES) return none(`Only ${all.length} signatures in the time that was given.`)
    const figures = nonceFigures(all, toNumber(scratchScalar('nonces')), 'P-256')
    const good = `The nonces of ${all.length} signatures are uniform, and their times tell nothing of them.`
    return figuring(good, figures, { 'ECDSA P-256, imported key': timesOf(all) })
  })

const makingKeys = (test: CardUnderTest): Promise<Outcome> =>
  inSpareSlot(test, async () => {
    const make = (algorithm: 'P-256' | 'RSA-2048', seen: KeyObject[] = []) =>
      repeat(test, FEW, async () => {
        seen.push(await test.card.generateKey(SPARE, { algorithm, pinPolicy: 'once' }))
      })
    const keys: KeyObject[] = []
    const times = {
      'P-256, key made': distributionOf(await make('P-256')),
      'RSA-2048, key made': distributionOf(await make('RSA-2048', keys)),
    }
    const good = `${told(times).says} ${keys.length} RSA keys have no fault that shows.`
    return figuring(good, rsaFigures(keys.map(modulusOf)), times)
  })

async function operations(test: CardUnderTest): Promise<Outcome> {
  const keys = await usable(test, () => true)
  if (keys.length === 0) return none('The card has no key that can be used here.')
  const times: Record<string, Distribution> = {}
  const digest = scratchScalar('digest')
  for (const key of keys) {
    const { slot, algorithm, publicKey } = key
    const options = proof(key, test)
    const measure = async (name: string, work: () => Promise<unknown>) => {
      times[`${name} ${algorithm}, slot ${slot}`] = distributionOf(await repeat(test, MANY, work))
    }
    await measure('signature', () => test.card.signDigest(slot, digest, options))
    if (isRsa(key)) {
      const secret = Uint8Array.from(publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, digest))
      await measure('decryption', () => test.card.decrypt(slot, secret, options))
    } else {
      const peer = peerOf(algorithm === 'P-384' ? 'P-384' : 'P-256')
      await measure('key agreement', () => test.card.deriveSecret(slot, peer, options))
    }
  }
  return told(times)
}

const peerOf = (namedCurve: string): KeyObject => createPublicKey(generateKeyPairSync('ec', { namedCurve }).privateKey)

/** Two tries stay with the card whatever happens. */
const LEAST_TRIES = 3

/** The last digit changed, and every digit. */
const almost = (pin: Uint8Array): Uint8Array => pin.map((digit, at) => (at === pin.length - 1 ? other(digit) : digit))
const far = (pin: Uint8Array): Uint8Array => pin.map(other)
const other = (digit: number): number => (digit === 0x39 ? 0x30 : digit + 1)

async function pins(test: CardUnderTest): Promise<Outcome> {
  const { card, pin } = test
  if (pin === undefined) return none('No PIN was given.')
  await card.verifyPin(pin, { minTriesLeft: 2 })
  const times: Record<'right' | 'last' | 'all', number[]> = { right: [], last: [], all: [] }
  const measure = async (which: keyof typeof times, tried: Uint8Array) => {
    const from = performance.now()
    const wrong = await card.verifyPin(tried).then(
      () => false,
      (error: unknown) => {
        if (isCardError(error) && error.code === 'ERR_PIN_WRONG') return true
        throw error
      },
    )
    times[which].push((performance.now() - from) * 1000)
    return wrong
  }
  const accepted: string[] = []
  let short = false
  await repeat(test, FEW, async (at) => {
    const turn = [['last', almost(pin)] as const, ['all', far(pin)] as const]
    for (const [which, wrong] of at % 2 === 0 ? turn : turn.reverse()) {
      // One wrong PIN at a time, and the right one after it.
      const { triesLeft } = await card.pinStatus()
      if (triesLeft !== undefined && triesLeft < LEAST_TRIES) {
        short = true
        return
      }
      if (!(await measure(which, wrong))) accepted.push(which)
      await measure('right', pin)
    }
  })
  if (short || times.all.length === 0) return none('The card has too few tries left to spend one.')
  if (accepted.length > 0) return { verdict: 'fail', says: 'The card accepted a wrong PIN.' }
  const { ratio, p } = compare(times.last, times.all)
  const figure = byChance('wrong PINs that differ in one digit or in all (ratio of medians)', ratio, p, ATTACKS.timing)
  const shown = {
    'right PIN': distributionOf(times.right),
    'wrong PIN, last digit': distributionOf(times.last),
    'wrong PIN, all digits': distributionOf(times.all),
  }
  return figuring(told(shown).says, [figure], shown)
}

const TIMES = 'Svenda et al., TPMScan, CHES 2024'

export const CARD_USE_CHECKS: readonly CardUseCheck[] = [
  {
    id: 'card.rsa',
    title: 'RSA keys of the card',
    source: 'FIPS 186-5, A.1; Nemec et al., CCS 2017',
    class: 'N',
    run: rsaKeys,
  },
  { id: 'card.signatures', title: 'Signatures of the card', source: 'FIPS 186-5, 6.3', class: 'P', run: ownSignatures },
  { id: 'card.operations', title: 'Signatures, decryption, key agreement', source: TIMES, class: 'P', run: operations },
  { id: 'card.pin', title: 'Right and wrong PINs', source: 'SP 800-73-5 part 2, 3.2.1', class: 'R', run: pins },
  {
    id: 'card.nonces',
    title: 'Nonces of ECDSA, by a key that is known',
    source: 'FIPS 186-5, 6.3; Jancar et al., CHES 2020',
    class: 'W',
    run: knownNonces,
  },
  { id: 'card.keys', title: 'Making keys', source: TIMES, class: 'W', run: makingKeys },
]
