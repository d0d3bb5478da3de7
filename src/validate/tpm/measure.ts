// Many times the same: how long each took.
import type { Scratch } from './scratch.ts'

/** Runs `work` up to `most` times, as long as there is time for it, and at least once; each in microseconds. */
export async function repeat(
  { tpm }: Scratch,
  most: number,
  work: (at: number) => Promise<unknown>,
): Promise<readonly number[]> {
  const times: number[] = []
  const end = performance.now() + tpm.seconds * 1000
  for (let at = 0; at < (tpm.samples ?? most); at += 1) {
    const from = performance.now()
    await work(at)
    const to = performance.now()
    times.push((to - from) * 1000)
    if (to > end) break
  }
  return times
}
