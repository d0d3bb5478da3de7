// What a service answers, as octets and as JSON: bounded, and strict.
import type { IncomingMessage } from 'node:http'
import * as v from 'valibot'
import { mediaType } from '../https/body.ts'

/** In octets. */
export const LONGEST_ANSWER = 64 * 1024

/** A moment that there is: not every one that is spelled well. */
export const moment = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'expected a moment'),
)

/** A refusal, as the service says it. */
const refusalSchema = v.object({
  error: v.pipe(v.string(), v.regex(/^[a-z]{1,32}(-[a-z]{1,32}){0,4}$/)),
  message: v.optional(v.pipe(v.string(), v.maxLength(2000))),
})

/** Undefined for what is none. */
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
  /** What it says to a person: one line, without anything that is not plain text. */
  readonly words: string
}

/** Why a service refuses; undefined where its answer is none that is documented. */
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
