// Times that a test bounds. Other programs on the machine can only make them longer: so one good measure is enough.

/** Milliseconds on the machine's clock, which is the same in all processes, and which no test sets. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6

/** The least of several measures; done as soon as one is below `limit`. */
export async function least(limit: number, measure: () => Promise<number>, rounds = 20): Promise<number> {
  let found = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds && found >= limit; round += 1) found = Math.min(found, await measure())
  return found
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = monotonic()
  await work()
  return monotonic() - started
}

/** Does `work` again where it failed and took so long that the time it relies on may have been over. */
export async function inItsTime<T>(ms: number, work: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round += 1) {
    const started = monotonic()
    try {
      return await work()
    } catch (error) {
      if (monotonic() - started < 0.9 * ms || round === 50) throw error
    }
  }
}

/** How often the event loop turns while `work` is under way: a few times for its steps, and for ever where it waits. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, over] = [0, false]
  const turned = () => {
    turns += 1
    if (!over) setImmediate(turned)
  }
  setImmediate(turned)
  try {
    await work()
  } finally {
    over = true
  }
  return turns
}
