// The other end of the socket: who asks the process that is signed in, and never signals it.
import { request } from 'node:http'
import * as v from 'valibot'
import { ENDINGS } from './methods.ts'
import type { Ended } from './session.ts'

const WAIT_MS = 15_000
const LONGEST_ANSWER = 4096

const endedSchema = v.object({ reason: v.picklist(ENDINGS), told: v.boolean() })

/** Has the process at `socket` sign out. Undefined where nobody answers there. */
export async function askToSignOut(socket: string): Promise<Ended | undefined> {
  const said = v.safeParse(endedSchema, await ask(socket, 'DELETE').catch(() => undefined))
  return said.success ? said.output : undefined
}

function ask(socketPath: string, method: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { Host: 'tessera' }
    const sent = request(
      { socketPath, method, path: '/session', headers, timeout: WAIT_MS, agent: false },
      (message) => {
        let text = ''
        message.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
          if (text.length > LONGEST_ANSWER) sent.destroy(new Error('too long'))
        })
        message.once('error', reject).once('end', () => {
          try {
            resolve(JSON.parse(text))
          } catch (error) {
            reject(error)
          }
        })
      },
    )
    sent
      .once('timeout', () => sent.destroy(new Error('no answer')))
      .once('error', reject)
      .end()
  })
}
