// Bodies of HTTP messages, read with bounds: answers, and requests that a server receives.
import type { IncomingMessage } from 'node:http'

/** An answer that cannot be used; the message says why, as in `it has more than 4096 octets`. */
export class BadAnswer extends Error {}

export class TooLong extends BadAnswer {
  constructor(limit: number) {
    super(`it has more than ${limit} octets`)
  }
}

/** @throws TooLong; the error of a broken connection */
export async function readBody(message: IncomingMessage, limit: number): Promise<Uint8Array> {
  if (Number(message.headers['content-length'] ?? 0) > limit) throw new TooLong(limit)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > limit) throw new TooLong(limit)
    chunks.push(chunk)
  }
  return Uint8Array.from(Buffer.concat(chunks))
}

/** Content-Type without parameters, in lower case; empty if there is none. */
export const mediaType = ({ headers }: Pick<IncomingMessage, 'headers'>): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
