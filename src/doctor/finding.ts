// What doctor reports about one thing.
import { type AnyCardError, CardError, isError } from '../errors.ts'

export interface Finding {
  readonly what: string
  readonly state: 'ok' | 'warning' | 'missing'
  readonly detail: string
  readonly advice?: string
}

/** Where to look for a card, as for `openCard`. */
export interface Place {
  readonly tcti?: string
  readonly home?: string
}

export async function found(what: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { what, state: 'ok', detail: await look() }
  } catch (error) {
    return failed(what, error)
  }
}

export function failed(what: string, error: unknown): Finding {
  const detail = isError(error) ? error.message : String(error)
  const code = error instanceof CardError ? ` (${(error as AnyCardError).code})` : ''
  return { what, state: 'missing', detail: detail + code }
}
