// Requests with a promise that settles whatever the server does: it upgrades the connection, closes it halfway, sends
// informational answers without end, or stays silent. faults.ts puts these failures into words.
import type { ClientRequest, IncomingMessage } from 'node:http'
import { BadAnswer } from './body.ts'

/** Most informational answers (1xx) before the answer: RFC 9110, 15.2, sets no limit. */
const MOST_INFORMATIONAL = 16

/**
 * The answer to a request that the caller sends, as soon as its header has arrived. Use `inTime` against a silent
 * server.
 * @throws BadAnswer; Node's connection errors
 */
export function answerTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let informational = 0
    const giveUp = (error: Error) => {
      reject(error)
      sent.destroy()
    }
    sent.once('response', resolve)
    sent.on('error', reject)
    sent.on('information', ({ statusCode }) => {
      informational += 1
      if (statusCode === 101) giveUp(otherProtocol())
      else if (informational > MOST_INFORMATIONAL) giveUp(new BadAnswer('it goes on and on without an answer'))
    })
    sent.once('upgrade', (_, socket) => {
      socket.destroy()
      giveUp(otherProtocol())
    })
    sent.once('close', () => reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })))
  })
}

const otherProtocol = () => new BadAnswer('it wants to speak something else than HTTP')

export interface TimeLimit {
  /** Milliseconds. */
  readonly ms: number
  readonly signal?: AbortSignal | undefined
  /** Whether the clock is stopped, for instance while a person is asked; the time then starts again. */
  readonly isPaused?: () => boolean
}

/**
 * Runs `work`, which has to end when its signal is aborted: after the time, or by the caller's signal. The timer keeps
 * the process alive, so the process does not end before `work` has settled.
 * @throws the reason of the signal; an error with the code ETIMEDOUT
 */
export function inTime<T>(
  { ms, signal, isPaused = () => false }: TimeLimit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stop = new AbortController()
    const onAbort = () => giveUp(signal?.reason)
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const giveUp = (reason: unknown) => {
      settle()
      reject(reason)
      stop.abort(reason)
    }
    const onTime = () => {
      if (isPaused()) timer = setTimeout(onTime, ms)
      else giveUp(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }))
    }
    let timer = setTimeout(onTime, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
    // After an abort this comes too late and changes nothing.
    Promise.resolve(stop.signal).then(work).finally(settle).then(resolve, reject)
  })
}
