// How good the numbers of a TPM are: random numbers, RSA keys, and the nonces of its signatures.
import { createHash } from 'node:crypto'
import { concat } from '../../bytes.ts'
import { ALGORITHMS } from '../../piv/algorithms.ts'
import { decodePublic } from '../../tpm/codec/public.ts'
import { EMPTY, u16 } from '../../tpm/codec/wire.ts'
import { command, NO_PASSWORD } from '../../tpm/command.ts'
import { CC } from '../../tpm/constants.ts'
import { createKey } from '../../tpm/keys/create.ts'
import { importKey } from '../../tpm/keys/import.ts'
import { keyCommand, signDigest } from '../../tpm/keys/operations.ts'
import type { CardFileKey } from '../../tpm/store/card-file.ts'
import { nonceFigures, SIGNATURES, signatureFigures, type TimedSignature } from '../quality/nonces.ts'
import { toNumber } from '../quality/numbers.ts'
import { RANDOM_OCTETS, randomFigures } from '../quality/random.ts'
import { rsaFigures } from '../quality/rsa.ts'
import { distributionOf } from '../timing/distribution.ts'
import { repeat } from '../timing/repeat.ts'
import { figuring, type TpmCheck, type TpmOutcome } from './check.ts'
import { primes } from './primes.ts'
import { type Scratch, scratchScalar } from './scratch.ts'

/** Every TPM gives as many octets at once. */
const AT_ONCE = 32
/** Bits of moduli are compared over as many keys, if there is time to make them. */
const RSA_KEYS = 100
/** Fewer signatures say nothing of nonces. */
const LEAST_SIGNATURES = 100

const tooFew = (what: string, count: number): TpmOutcome => ({
  verdict: 'skipped',
  says: `Only ${count} ${what} in the time that was given. Give more time.`,
})

async function random(scratch: Scratch): Promise<TpmOutcome> {
  const parts: Uint8Array[] = []
  const times = await repeat(scratch.tpm, RANDOM_OCTETS / AT_ONCE, async () => {
    const answer = await scratch.device.call(command(CC.GetRandom, [], [], u16(AT_ONCE)))
    parts.push(answer.sized())
  })
  const octets = concat(...parts)
  if (octets.length < 1024) return tooFew('octets', octets.length)
  const figures = randomFigures(octets)
  return figuring(`${octets.length} octets look random.`, figures, { 'GetRandom, 32 octets': distributionOf(times) })
}

async function rsaKeys(scratch: Scratch): Promise<TpmOutcome> {
  const parent = await scratch.parent()
  const moduli: bigint[] = []
  const times = await repeat(scratch.tpm, RSA_KEYS, async () => {
    const key = await createKey(scratch.device, parent, 'RSA-2048', 'never', EMPTY)
    const area = decodePublic(key.public.subarray(2))
    if (area.type === 'rsa') moduli.push(toNumber(area.modulus))
  })
  const keys = `${moduli.length} RSA ${moduli.length === 1 ? 'key' : 'keys'}`
  return figuring(`${keys} of 2048 bits have no fault that shows.`, rsaFigures(moduli), {
    'RSA-2048, key made': distributionOf(times),
  })
}

/** Signatures over digests that are known, and how long each took. */
async function signatures(scratch: Scratch, blob: CardFileKey): Promise<TimedSignature[]> {
  const key = await scratch.device.keys.get(blob, await scratch.parent())
  const signed: Omit<TimedSignature, 'us'>[] = []
  const digest = (at: number) => Uint8Array.from(createHash('sha256').update(`${at}`).digest())
  const { octets } = ALGORITHMS['P-256']
  // The digest and the command are made before the clock starts.
  const commands = Array.from({ length: SIGNATURES }, (_, at) => {
    const operation = signDigest('P-256', digest(at))
    return { operation, one: keyCommand(operation, key, NO_PASSWORD), h: toNumber(digest(at)) }
  })
  const answers: Uint8Array[] = []
  const times = await repeat(scratch.tpm, SIGNATURES, async (at) => {
    const row = commands[at]
    if (row !== undefined) answers.push(...(await scratch.device.run(row.one)))
  })
  for (const [at, answer] of answers.entries()) {
    const row = commands[at]
    if (row === undefined) continue
    const signature = row.operation.read(answer, octets)
    signed.push({ h: row.h, r: toNumber(signature.subarray(0, octets)), s: toNumber(signature.subarray(octets)) })
  }
  await scratch.device.keys.evict(blob)
  return signed.map((one, at) => ({ ...one, us: times[at] ?? 0 }))
}

async function knownNonces(scratch: Scratch): Promise<TpmOutcome> {
  const scalar = scratchScalar('nonces')
  const key = { algorithm: 'P-256', parts: { scalar } } as const
  const blob = await importKey(scratch.device, await scratch.parent(), key, 'never', EMPTY)
  const all = await signatures(scratch, blob)
  if (all.length < LEAST_SIGNATURES) return tooFew('signatures', all.length)
  const figures = nonceFigures(all, toNumber(scalar), 'P-256')
  return figuring(
    `The nonces of ${all.length} signatures are uniform, and their times tell nothing of them.`,
    figures,
    {
      'ECDSA P-256, imported key': distributionOf(all.map(({ us }) => us)),
    },
  )
}

async function ownSignatures(scratch: Scratch): Promise<TpmOutcome> {
  const blob = await createKey(scratch.device, await scratch.parent(), 'P-256', 'never', EMPTY)
  const all = await signatures(scratch, blob)
  if (all.length < LEAST_SIGNATURES) return tooFew('signatures', all.length)
  return figuring(`${all.length} signatures by a key of its own repeat nothing.`, signatureFigures(all, 'P-256'), {
    'ECDSA P-256, own key': distributionOf(all.map(({ us }) => us)),
  })
}

export const CRYPTO_CHECKS: readonly TpmCheck[] = [
  {
    id: 'crypto.random',
    title: 'Random numbers',
    source: 'SP 800-22, 2; FIPS 140-1, 4.11.1; SP 800-90B, 4.4 and 6.3',
    class: 'T',
    run: random,
  },
  { id: 'crypto.rsa', title: 'RSA keys', source: 'FIPS 186-5, A.1; Nemec et al., CCS 2017', class: 'T', run: rsaKeys },
  {
    id: 'crypto.primes',
    title: 'Primes of RSA keys that may leave the TPM',
    source: 'FIPS 186-5, A.1.1',
    class: 'T',
    run: primes,
  },
  {
    id: 'crypto.nonces',
    title: 'Nonces of ECDSA, by a key that is known',
    source: 'FIPS 186-5, 6.3; Jancar et al., CHES 2020; Svenda et al., CHES 2024',
    class: 'T',
    run: knownNonces,
  },
  {
    id: 'crypto.signatures',
    title: 'Signatures by a key of its own',
    source: 'FIPS 186-5, 6.3',
    class: 'T',
    run: ownSignatures,
  },
]
