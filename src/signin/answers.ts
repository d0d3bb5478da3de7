// Reads a service's answers with limits on size and content.
import type { IncomingMessage } from 'node:http'
import * as v from 'valibot'
import { mediaType } from '../https/body.ts'

/** In octets. */
export const LONGEST_ANSWER = 64 * 1024

/** A date that exists: not every well-formed one does. */
export const moment = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'expected a moment'),
)

/** A refusal by the service. */
const refusalSchema = v.object({
  error: v.pipe(v.string(), v.regex(/^[a-z]{1,32}(-[a-z]{1,32}){0,4}$/)),
  message: v.optional(v.pipe(v.string(), v.maxLength(2000))),
})

/** Undefined if it is not JSON. */
export function jsonOf(message: Pick<IncomingMessage, 'headers'>, body: Uint8Array): unknown {
  if (mediaType(message) !== 'application/json') return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

export interface Refusal {
  readonly reason: string
  /** Its message to the user: one line of plain text. */
  readonly words: string
}

/** Why a service refuses; undefined if its answer is not a documented one. */
export function readRefusal(message: Pick<IncomingMessage, 'headers'>, body: Uint8Array): Refusal | undefined {
  const parsed = v.safeParse(refusalSchema, jsonOf(message, body))
  if (!parsed.success) return undefined
  const { error, message: text = '' } = parsed.output
  return {
    reason: error,
    words: text
      .replace(/[\p{C}\p{Z}\s]+/gu, ' ')
      .trim()
      .slice(0, 400),
  }
}
