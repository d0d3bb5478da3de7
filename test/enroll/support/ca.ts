// A CA in this process behind the interface of protocols, whose every answer a test can have otherwise; it signs by
// openssl. It is to the enrolment what a forger's proxy is to a TPM: the real protocols have tests of their own.
import type { CaAnswer, CaProtocol } from '../../../src/enroll/index.ts'
import { CaError } from '../../../src/index.ts'
import { certificate, derOf, file, type Wanted } from './openssl.ts'

export interface TestCa extends CaProtocol {
  /** Requests that came, and how often each was asked for again. */
  readonly submitted: Uint8Array[]
  fetched: number
  /** How often a request was handed in again because its answer was lost. */
  recovered: number
  /** What the next answers are: an issued certificate unless said otherwise. */
  plan: Array<'issue' | 'pending' | 'refuse' | 'down' | 'lost' | 'garbage' | ((request: Uint8Array) => CaAnswer)>
  /** How issued certificates are. */
  wanted: Wanted
  readonly root: Uint8Array
  readonly pem: Uint8Array
}

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign']
let count = 0

export function testCa(name = `ca${++count}`): TestCa {
  const root = certificate(name, { subject: `/CN=${name}`, extensions: CA })
  const answer = (request: Uint8Array): CaAnswer => {
    const next = ca.plan.shift() ?? 'issue'
    if (typeof next === 'function') return next(request)
    if (next === 'refuse') throw new CaError('ERR_CA_REFUSED', 'The CA refused: "not today".', { words: 'not today' })
    if (next === 'down') throw new CaError('ERR_CA_UNAVAILABLE', 'The CA cannot be reached.')
    if (next === 'lost') throw new CaError('ERR_CA_UNAVAILABLE', 'The connection broke off.')
    if (next === 'garbage') throw new CaError('ERR_CA_ANSWER', 'The CA answered nonsense.')
    if (next === 'pending') return { pending: { id: `${ca.submitted.length}`, retryAfter: 1 } }
    return ca.issue(request)
  }
  const ca: TestCa & { issue(request: Uint8Array): CaAnswer } = {
    name: `test ${name}`,
    submitted: [],
    fetched: 0,
    recovered: 0,
    plan: [],
    wanted: {},
    root,
    pem: file(`${name}.pem`),
    issue(request) {
      count += 1
      const how = { by: name, request, subject: '/CN=Maria', extensions: ['keyUsage=digitalSignature'], ...ca.wanted }
      return { certificate: certificate(`${name}-leaf${count}`, how), chain: [root] }
    },
    cacerts: async () => [derOf(`${name}.pem`)],
    async submit(request, options) {
      ca.submitted.push(request)
      if (ca.plan[0] !== 'down') await options?.sending?.()
      return answer(request)
    },
    async recover(request) {
      ca.recovered += 1
      return answer(request)
    },
    async fetch(_pending, request) {
      ca.fetched += 1
      return answer(request)
    },
  }
  return ca
}
