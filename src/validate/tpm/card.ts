// What a signature by `Card.sign` adds to one by the TPM: both in turns, by keys of the same kind.
import { randomInt } from 'node:crypto'
import { utf8 } from '../../bytes.ts'
import { destroyCard } from '../../cards/change.ts'
import { createCard } from '../../cards/create.ts'
import { hasCode } from '../../errors.ts'
import { EMPTY } from '../../tpm/codec/wire.ts'
import { NO_PASSWORD } from '../../tpm/command.ts'
import { createKey } from '../../tpm/keys/create.ts'
import { keyCommand, signDigest } from '../../tpm/keys/operations.ts'
import { distributionOf, percentile } from '../timing/distribution.ts'
import { repeat } from '../timing/repeat.ts'
import type { TpmCheck, TpmOutcome } from './check.ts'
import { type Scratch, scratchScalar } from './scratch.ts'

/** A card of this name is one that a killed run left. */
export const SCRATCH_CARD = 'tessera-validate-scratch'
const MANY = 300
const SLOT = '9a'
const DATA = utf8('what a card signs')

async function overhead(scratch: Scratch): Promise<TpmOutcome> {
  const { device } = scratch
  const { home, ownerPassword } = scratch.tpm
  await scratch.rest()
  const srk = await device.srk('new').catch((error: unknown) => {
    if (hasCode(error, 'ERR_TPM_SRK')) return undefined
    throw error
  })
  if (srk === undefined) {
    return { verdict: 'skipped', says: 'The TPM has no storage key for cards yet: making the first card makes it.' }
  }
  const place = { name: SCRATCH_CARD, tcti: device.options.tcti, ownerPassword, ...(home !== undefined && { home }) }
  await destroyCard(SCRATCH_CARD, place).catch((error: unknown) => {
    if (!hasCode(error, 'ERR_CARD_NOT_FOUND')) throw error
  })
  const pin = `${randomInt(100_000, 1_000_000)}`
  const card = await createCard({ ...place, pin })
  try {
    await card.verifyPin(pin)
    await card.generateKey(SLOT)
    const bare = await createKey(device, srk, 'P-256', 'never', EMPTY)
    const one = keyCommand(signDigest('P-256', scratchScalar('digest')), await device.keys.get(bare, srk), NO_PASSWORD)
    const [byTpm, byCard, more]: [number[], number[], number[]] = [[], [], []]
    await card.sign(SLOT, DATA)
    await repeat(scratch.tpm, MANY, async () => {
      const start = performance.now()
      await device.run(one)
      const middle = performance.now()
      await card.sign(SLOT, DATA)
      const end = performance.now()
      byTpm.push((middle - start) * 1000)
      byCard.push((end - middle) * 1000)
      more.push((end - middle - (middle - start)) * 1000)
    })
    await device.keys.evict(bare)
    const added = percentile(
      [...more].sort((a, b) => a - b),
      0.5,
    )
    return {
      verdict: 'info',
      says: `Card.sign takes ${Math.round(added)} us more than the TPM's signature alone.`,
      facts: { 'added, median (us)': Math.round(added) },
      times: { 'ECDSA P-256, the TPM alone': distributionOf(byTpm), 'ECDSA P-256, Card.sign': distributionOf(byCard) },
    }
  } finally {
    await card.close()
    await destroyCard(SCRATCH_CARD, place)
  }
}

export const CARD_CHECKS: readonly TpmCheck[] = [
  {
    id: 'time.card',
    title: 'What a card adds to the TPM',
    source: 'docs/performance.md',
    class: 'T',
    run: overhead,
  },
]
