// The client of control-socket.ts: it asks the process that is signed in, and never signals it.
import { request } from 'node:http'
import * as v from 'valibot'
import { readBody } from '../https/body.ts'
import { answerTo, inTime } from '../https/client.ts'
import { END_REASONS } from './methods.ts'
import type { Ended } from './session.ts'

const WAIT_MS = 15_000
const LONGEST_ANSWER = 4096

const endedSchema = v.object({ reason: v.picklist(END_REASONS), told: v.boolean() })

/** Asks the process at `socket` to sign out. Undefined if it does not answer. */
export async function askToSignOut(socket: string): Promise<Ended | undefined> {
  const said = v.safeParse(endedSchema, await ask(socket, 'DELETE').catch(() => undefined))
  return said.success ? said.output : undefined
}

const ask = (socketPath: string, method: string): Promise<unknown> =>
  inTime({ ms: WAIT_MS }, async (signal) => {
    const headers = { Host: 'tessera' }
    const sent = request({ socketPath, method, path: '/session', headers, signal, agent: false })
    const body = await readBody(await answerTo(sent.end()), LONGEST_ANSWER).finally(() => sent.destroy())
    return JSON.parse(Buffer.from(body).toString('utf8'))
  })
