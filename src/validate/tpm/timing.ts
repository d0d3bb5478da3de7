// How long a TPM takes for what cards do. Times are those of this program: the way to the TPM is in them.
import { createECDH } from 'node:crypto'
import type { Algorithm } from '../../piv/algorithms.ts'
import { EMPTY } from '../../tpm/codec/wire.ts'
import { NO_PASSWORD } from '../../tpm/command.ts'
import { createKey } from '../../tpm/keys/create.ts'
import { agree, type KeyOperation, keyCommand, rawRsa, signDigest } from '../../tpm/keys/operations.ts'
import type { CardFileKey } from '../../tpm/store/card-file.ts'
import { ATTACKS } from '../quality/attacks.ts'
import { byChance } from '../quality/figure.ts'
import { compare, type Distribution, distributionOf } from '../timing/distribution.ts'
import { repeat } from '../timing/repeat.ts'
import { figuring, type TpmCheck, type TpmOutcome } from './check.ts'
import { type Scratch, scratchScalar } from './scratch.ts'

const MANY = 300
const FEW = 20
/** Each round writes NV three times, which wears out. */
const PIN_ROUNDS = 60
const DIGEST = scratchScalar('digest')

const ms = (us: number): string => `${(us / 1000).toPrecision(3)} ms`

/** One line about distributions: the median of each. */
function told(times: Readonly<Record<string, Distribution>>): TpmOutcome {
  const says = Object.entries(times).map(([name, { p50, p99 }]) => `${name}: ${ms(p50)} (p99 ${ms(p99)})`)
  return { verdict: 'info', says: `${says.join('; ')}.`, times }
}

const own = async (scratch: Scratch, algorithm: Algorithm): Promise<CardFileKey> =>
  createKey(scratch.device, await scratch.parent(), algorithm, 'never', EMPTY)

async function makingKeys(scratch: Scratch): Promise<TpmOutcome> {
  const ec = await repeat(scratch.tpm, FEW, () => own(scratch, 'P-256'))
  const rsa = await repeat(scratch.tpm, FEW, () => own(scratch, 'RSA-2048'))
  return told({ 'P-256, key made': distributionOf(ec), 'RSA-2048, key made': distributionOf(rsa) })
}

/** A point of the curve, and a block below every modulus: 00 and any octets. */
const point = (): Uint8Array => Uint8Array.from(createECDH('prime256v1').generateKeys())
const block = (): Uint8Array => Uint8Array.from({ length: 256 }, (_, at) => (at === 0 ? 0 : at))

const OPERATIONS: Readonly<Record<string, readonly [Algorithm, (key: CardFileKey) => KeyOperation]>> = {
  'ECDSA P-256': ['P-256', () => signDigest('P-256', DIGEST)],
  'ECDH P-256': ['P-256', () => agree('P-256', point())],
  'RSA-2048, private operation': ['RSA-2048', (key) => rawRsa('RSA-2048', key.public.subarray(2), block())],
}

async function operations(scratch: Scratch): Promise<TpmOutcome> {
  const times: Record<string, Distribution> = {}
  const { device } = scratch
  for (const [name, [algorithm, operation]] of Object.entries(OPERATIONS)) {
    const blob = await own(scratch, algorithm)
    const key = await device.keys.get(blob, await scratch.parent())
    const one = keyCommand(operation(blob), key, NO_PASSWORD)
    times[name] = distributionOf(await repeat(scratch.tpm, MANY, () => device.run(one)))
    await device.keys.evict(blob)
  }
  return told(times)
}

/** Whether other keys in the TPM slow a key down, and what it costs where it has to be loaded first. */
async function load(scratch: Scratch): Promise<TpmOutcome> {
  const { device } = scratch
  const parent = await scratch.parent()
  const [first, second] = [await own(scratch, 'P-256'), await own(scratch, 'P-256')]
  const sign = async (blob: CardFileKey) =>
    device.run(keyCommand(signDigest('P-256', DIGEST), await device.keys.get(blob, parent), NO_PASSWORD))
  const alone = await repeat(scratch.tpm, MANY, () => sign(first))
  await device.keys.evictAll()
  const loading = await repeat(scratch.tpm, MANY, async () => {
    await sign(first)
    await device.keys.evict(first)
  })
  const inTurn = await repeat(scratch.tpm, MANY, (at) => sign(at % 2 === 0 ? first : second))
  await device.keys.evictAll()
  return told({
    'ECDSA P-256, key in the TPM alone': distributionOf(alone),
    'ECDSA P-256, two keys in turn': distributionOf(inTurn),
    'ECDSA P-256, key loaded and flushed each time': distributionOf(loading),
  })
}

const RIGHT = scratchScalar('right PIN')

/** Wrong PINs that agree with the right one in many octets, and in none. */
const ALMOST = RIGHT.map((octet, at) => (at === RIGHT.length - 1 ? octet ^ 1 : octet))
const FAR = RIGHT.map((octet) => octet ^ 0xff)

async function pins(scratch: Scratch): Promise<TpmOutcome> {
  const index = await scratch.pinIndex(RIGHT, 0x7fffffff)
  try {
    const [right, almost, far]: [number[], number[], number[]] = [[], [], []]
    const measure = async (auth: Uint8Array, into: number[]) => {
      const from = performance.now()
      await index.answer(auth)
      into.push((performance.now() - from) * 1000)
    }
    // In turns, so that what else goes on meets all alike; and a wrong one first, so that each right one sets the counter back.
    await repeat(scratch.tpm, PIN_ROUNDS, async (at) => {
      const turn = [() => measure(ALMOST, almost), () => measure(FAR, far)]
      for (const one of at % 2 === 0 ? turn : turn.reverse()) await one()
      await measure(RIGHT, right)
    })
    const { ratio, p } = compare(almost, far)
    const times = {
      'right PIN': distributionOf(right),
      'wrong PIN, last octet': distributionOf(almost),
      'wrong PIN, all octets': distributionOf(far),
    }
    const figure = byChance(
      'wrong PINs that differ in one octet or in all (ratio of medians)',
      ratio,
      p,
      ATTACKS.timing,
    )
    return figuring(
      `A wrong PIN takes ${ms(times['wrong PIN, all octets'].p50)}, whatever is wrong with it.`,
      [figure],
      times,
    )
  } finally {
    await index.remove()
  }
}

async function nvAndSessions(scratch: Scratch): Promise<TpmOutcome> {
  const { device } = scratch
  const parent = await scratch.parent()
  const index = await scratch.pinIndex(RIGHT, 3)
  try {
    const start = (kind: 'hmac' | 'policy') => () => device.withSession(kind, parent, async () => undefined)
    return told({
      'NV read, 8 octets': distributionOf(await repeat(scratch.tpm, MANY, () => index.count())),
      'HMAC session, salted, started and flushed': distributionOf(await repeat(scratch.tpm, MANY, start('hmac'))),
      'policy session, salted, started and flushed': distributionOf(await repeat(scratch.tpm, MANY, start('policy'))),
      'index made, written and removed': distributionOf(
        await repeat(scratch.tpm, FEW, async () => (await scratch.pinIndex(RIGHT, 3)).remove()),
      ),
    })
  } finally {
    await index.remove()
  }
}

const HOW = 'Svenda et al., TPMScan, CHES 2024'

export const TIMING_CHECKS: readonly TpmCheck[] = [
  { id: 'time.keys', title: 'Making keys', source: HOW, class: 'T', run: makingKeys },
  { id: 'time.operations', title: 'Signatures, decryption, key agreement', source: HOW, class: 'T', run: operations },
  { id: 'time.load', title: 'Other keys in the TPM', source: HOW, class: 'T', run: load },
  { id: 'time.pin', title: 'Right and wrong PINs', source: 'TPM 2.0 Library, Part 1, 34.2.8', class: 'T', run: pins },
  { id: 'time.nv', title: 'NV and sessions', source: HOW, class: 'T', run: nvAndSessions },
]
