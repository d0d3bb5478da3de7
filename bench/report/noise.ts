// What the machine itself was like during a run: figures of a busy one say little, and it has limits of its own.
import type { Results } from './results.ts'

/**
 * The bare loop's time for one signature with P-256 and libtpms in the process, in microseconds: 253 on the machine that
 * the limits were set on, 457 on one of the same kind with busy neighbours.
 */
const SLOW_US = 350

type Run = Pick<Results, 'machine' | 'signatures' | 'singles'>

/** Whether the limits for slow machines apply. */
export function isSlow({ signatures }: Pick<Results, 'signatures'>): boolean {
  const bare = signatures.find(
    ({ layer, mode, transport, algorithm }) =>
      layer === 'bare' && mode === 'back to back' && transport === 'embedded' && algorithm === 'P-256',
  )
  return bare !== undefined && bare.p50 > SLOW_US
}

/** One line: what the hypervisor took, how far the bare loop's rounds lie apart, and how long waking a thread took. */
export function noiseLine(run: Run): string {
  const spreads = run.signatures.flatMap(({ layer, spread }) => (layer === 'bare' ? [spread ?? 0] : []))
  const hops = run.singles
    .filter(({ group }) => group.startsWith('waking a thread in C, 250 us'))
    .map(({ group, name, median, high }) => `${group}, ${name}: ${median} us (95 %: ${high} us)`)
  const parts = [
    ...(run.machine.steal === undefined ? [] : [`${run.machine.steal} % of the processors' time was taken by others`]),
    ...(spreads.length === 0 ? [] : [`rounds of the bare loop lie up to ${Math.max(...spreads)} % apart`]),
    ...hops,
  ]
  const kind = isSlow(run)
    ? 'a slow machine, by its bare loop: the limits for slow machines apply'
    : 'not a slow machine'
  return `How noisy the machine was: ${[...parts, kind].join('; ')}.`
}
