/** Thrown, to be answered as a status word. */
export class Refused extends Error {
  readonly sw: number
  constructor(sw: number) {
    super(sw.toString(16))
    this.sw = sw
  }
}

export function wants(condition: boolean, sw: number): asserts condition {
  if (!condition) throw new Refused(sw)
}
