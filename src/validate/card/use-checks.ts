/** Checks over `Card`: the quality of its keys, how long they take, and the evidence about them. */
import { adminAlgorithmById } from '../../piv/algorithms.ts'
import { cardOver } from '../../piv/host/card.ts'
import { CARD_USE_CHECKS } from '../card-use.ts'
import { evidenceOf } from '../evidence.ts'
import type { Check, Description } from '../result.ts'
import { Edge } from './assertions/edge.ts'
import type { CardUnderTest } from './checks.ts'
import { assertSame } from './preflight.ts'

const EVIDENCE: Description = {
  id: 'card.evidence',
  title: 'Evidence about the key in 9a',
  source: 'docs/evidence.md; TPM 2.0 Library, Part 3, 18',
  class: 'N',
  group: 'card',
}

export const USE_DESCRIPTIONS: readonly Description[] = [
  ...CARD_USE_CHECKS.map(({ run: _, ...one }) => ({ ...one, group: 'card' as const })),
  EVIDENCE,
]

/** `seconds`: how long one check may go on measuring. */
export function useChecks({ channel, guid, secrets }: CardUnderTest, seconds: number): Check[] {
  const card = cardOver(channel)
  const edge = new Edge(channel, secrets)
  const pin = secrets === undefined ? undefined : Uint8Array.from(Buffer.from(secrets.pin))
  const prove = async (letter: Description['class']) => {
    if (letter === 'N') return
    await assertSame(channel, guid)
    const algorithm = letter === 'W' ? adminAlgorithmById((await edge.adminAlgorithm())?.id ?? -1) : undefined
    if (pin !== undefined) await card.verifyPin(pin)
    const key = secrets?.adminKey
    if (algorithm !== undefined && key !== undefined) await card.authenticateAdmin({ key, algorithm })
  }
  const checks = CARD_USE_CHECKS.map(
    ({ run, ...one }): Check => ({
      ...one,
      group: 'card',
      run: async () => {
        await prove(one.class)
        return run({ card, seconds, ...(pin !== undefined && { pin }) })
      },
    }),
  )
  return [...checks, { ...EVIDENCE, run: () => evidenceOf(channel) }]
}
