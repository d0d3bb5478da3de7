// The sample service with a laboratory CA, and people at it whose keys are files.
import { readFileSync } from 'node:fs'
import { Agent, type RequestOptions, request } from 'node:https'
import { type Service, type ServiceOptions, startService } from '../../examples/relying-party/service.ts'
import { utf8 } from '../../src/bytes.ts'
import { putUser } from '../../src/lab-ca/users.ts'
import {
  enrol,
  type KeyKind,
  type Lab,
  makeKey,
  makeRequest,
  openssl,
  scratchFile,
  startLab,
} from '../lab-ca/support.ts'
import { tempDir, within } from '../support/temp.ts'
import { write } from './issue.ts'

export const MARIA = { user: 'maria', name: 'Maria', address: 'maria@lab.example', password: 'correct horse' } as const

export interface Sample extends Service {
  readonly lab: Lab
  /** What the service wrote down. */
  readonly lines: readonly string[]
  /** PEM, to trust it by. */
  readonly pem: string
  /** Revokes all certificates that there are. */
  revoke(): Promise<void>
}

/** `lab`: of another service, which closes it; a fresh one otherwise. */
export async function startSample(options: Partial<ServiceOptions> = {}, known?: Lab): Promise<Sample> {
  const lab = known ?? (await startLab())
  const { user, name, address, password } = MARIA
  await putUser(lab.directory, { name: user, password: utf8(password) })
  const lines: string[] = []
  const service = await startService({
    host: '127.0.0.1',
    port: 0,
    directory: tempDir('service'),
    ca: lab.certificateFile,
    users: write(JSON.stringify({ [address]: { user, name } })),
    log: (line) => lines.push(line),
    ...options,
  })
  return {
    ...service,
    lab,
    lines,
    pem: readFileSync(service.certificateFile, 'utf8'),
    async revoke() {
      for (const { id, state } of await lab.registration.entries())
        if (state === 'issued') await lab.registration.revoke(id)
    },
    async close() {
      await service.close()
      if (known === undefined) await lab.close()
    },
  }
}

/** Somebody's certificate and key, PEM. */
export interface Person {
  readonly cert: string
  readonly key: string
}

/** A certificate that the laboratory CA gave by EST. */
export async function enrolled(lab: Lab, kind: KeyKind = 'P-256'): Promise<Person> {
  const key = makeKey(kind)
  const octets = makeRequest({ key, subject: '/CN=maria' })
  const { body } = await enrol(lab, octets, [MARIA.user, MARIA.password])
  const certs = scratchFile('certs.p7')
  write(`-----BEGIN PKCS7-----\n${body.trim().replace(/.{64}(?=.)/g, '$&\n')}\n-----END PKCS7-----\n`, certs)
  const text = openssl('pkcs7', '-in', certs, '-print_certs')
  return {
    cert: /-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/.exec(text)?.[0] ?? '',
    key: readFileSync(key, 'utf8'),
  }
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body, where it is JSON. */
  readonly json: Readonly<Record<string, string>>
}

export interface Ask {
  readonly person?: Person | undefined
  readonly method?: string
  readonly json?: unknown
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly bearer?: string | undefined
  /** One that keeps its connection; else the connection is this call's own. */
  readonly agent?: Agent
  readonly options?: RequestOptions
}

/** A call as programs make it. */
export function ask(sample: Pick<Sample, 'url' | 'pem'>, path: string, how: Ask = {}): Promise<Reply> {
  const { person, json, body = json === undefined ? undefined : JSON.stringify(json), bearer, options = {} } = how
  const headers = {
    Accept: 'application/json',
    ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
    ...how.headers,
  }
  const method = how.method ?? (body === undefined ? 'GET' : 'POST')
  const agent = how.agent ?? false
  // Otherwise it is the client that refuses to show a certificate with an unsafe hash.
  const ciphers = 'DEFAULT@SECLEVEL=0'
  const reply = new Promise<Reply>((resolve, reject) => {
    const sent = request(`${sample.url}${path}`, {
      ca: sample.pem,
      method,
      headers,
      agent,
      ciphers,
      ...person,
      ...options,
    })
    sent.on('error', reject).on('response', (message) => {
      const chunks: Buffer[] = []
      message.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
      message.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const isJson = message.headers['content-type'] === 'application/json'
        resolve({
          status: message.statusCode ?? 0,
          headers: message.headers,
          text,
          json: isJson ? JSON.parse(text) : {},
        })
      })
    })
    sent.end(body)
  })
  return within(reply, 120_000, path)
}

/** An agent whose one connection stays. */
export const keeping = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 })
