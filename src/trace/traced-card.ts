/** The APDUs of one card, in the trace of this process. */
import { ShownApdus } from './shown-apdu.ts'
import { type Trace, traceOfProcess } from './trace.ts'

/** @throws FileError where the file that TESSERA_TRACE names cannot be written */
export function tracedCard(name: string): TracedCard | undefined {
  const trace = traceOfProcess()
  return trace === undefined ? undefined : new TracedCard(trace, name)
}

export class TracedCard {
  readonly #trace: Trace
  readonly #name: string
  readonly #shown = new ShownApdus()

  constructor(trace: Trace, name: string) {
    this.#trace = trace
    this.#name = name
  }

  /** Sends `apdu` by `send`. The answer is that of `send`, and so is its error. */
  async follow(apdu: Uint8Array, send: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const command = this.#shown.command(apdu)
    const [time, began] = [performance.timeOrigin + performance.now(), performance.now()]
    let answer: string | undefined
    try {
      const octets = await send()
      answer = this.#shown.answer(octets)
      return octets
    } finally {
      const took = performance.now() - began
      this.#trace.record({ time, took, kind: 'apdu', to: this.#name, command, ...(answer !== undefined && { answer }) })
    }
  }
}
