// Many times the same: how long each took.

export interface Effort {
  /** How long one check may go on measuring, in seconds. */
  readonly seconds: number
  /** Only tests give it: so many times, instead of as often as the check wants. */
  readonly samples?: number | undefined
}

/** Runs `work` up to `most` times, as long as there is time for it, and at least once; each in microseconds. */
export async function repeat(
  { seconds, samples }: Effort,
  most: number,
  work: (at: number) => Promise<unknown>,
): Promise<readonly number[]> {
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  for (let at = 0; at < (samples ?? most); at += 1) {
    const from = performance.now()
    await work(at)
    const to = performance.now()
    times.push((to - from) * 1000)
    if (to > end) break
  }
  return times
}
