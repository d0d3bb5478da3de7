// A sample service, a laboratory CA, and a card with Maria's certificate in a reader: what people sign in with.
import { X509Certificate } from 'node:crypto'
import * as assert from 'uvu/assert'
import { type Service, type ServiceOptions, startService } from '../../../examples/relying-party/service.ts'
import { utf8 } from '../../../src/bytes.ts'
import { createCard, enroll, estProtocol } from '../../../src/index.ts'
import { putUser } from '../../../src/lab-ca/users.ts'
import type { Algorithm } from '../../../src/piv/algorithms.ts'
import { type Lab, startLab } from '../../lab-ca/support.ts'
import { seen } from '../../pcsc/cards.ts'
import { startServe } from '../../serve/support/process.ts'
import { startPcscd } from '../../support/pcscd.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { PIN } from './served.ts'
import { file } from './tools.ts'

export const MARIA = { user: 'maria', name: 'Maria', address: 'maria@lab.example' } as const
const PASSWORD = 'correct horse'

/** The service and its CA. `lines`: what the service wrote down. */
export interface Running extends Service {
  readonly lab: Lab
  readonly lines: readonly string[]
  /** Revokes all certificates that there are, as the service then knows. */
  revoke(): Promise<void>
}

export async function startSample(options: Partial<ServiceOptions> = {}): Promise<Running> {
  const lab = await startLab()
  await putUser(lab.directory, { name: MARIA.user, password: utf8(PASSWORD) })
  const lines: string[] = []
  const service = await startService({
    host: '127.0.0.1',
    port: 0,
    directory: tempDir('service'),
    ca: lab.certificateFile,
    users: file(JSON.stringify({ [MARIA.address]: { user: MARIA.user, name: MARIA.name } })),
    log: (line) => lines.push(line),
    ...options,
  })
  const revoke = async () => {
    for (const { id, state } of await lab.desk.entries()) if (state === 'issued') await lab.desk.revoke(id)
  }
  const close = async () => void (await Promise.all([service.close(), lab.close()]))
  return { ...service, lab, lines, revoke, close }
}

export interface SigningIn {
  readonly sample: Running
  /** Name of the card, which other programs show, its reader, and the certificate in 9a. */
  readonly card: { readonly name: string; readonly reader: string; readonly certificate: X509Certificate }
  /** Where the library finds the card without a reader; not while it is served. */
  readonly place: { readonly home: string; readonly tcti: string }
  /** Takes the card out of the reader. */
  unserve(): Promise<void>
  stop(): Promise<void>
}

/** The card is in the reader by `tessera serve`; its certificate came by EST. */
export async function startSigningIn(algorithm: Algorithm = 'P-256'): Promise<SigningIn> {
  const [pcscd, swtpm, sample] = await Promise.all([startPcscd(), startSwtpm(), startSample({ times: { refresh: 0 } })])
  const [name, place] = ['maria', { home: tempDir('home'), tcti: swtpm.tcti }]
  const card = await createCard({ ...place, name, pin: PIN })
  try {
    const credentials = { user: MARIA.user, password: utf8(PASSWORD) }
    const ca = estProtocol({ url: sample.lab.url, ca: sample.lab.pem, credentials })
    const authorize = () => card.verifyPin(PIN)
    const wanted = { algorithm, upn: MARIA.address, subject: 'CN=maria', template: 'SmartcardUser' }
    const result = await enroll(card, { ca, home: place.home, pin: PIN, authorize, ...wanted })
    if (result.state !== 'enrolled') throw new Error(result.state)
    await card.close()
    const serve = await startServe(['serve', name, '--vpcd', `127.0.0.1:${pcscd.ports[0]}`], {
      TESSERA_HOME: place.home,
    })
    assert.ok((await serve.line())?.startsWith('Serving'), serve.stderr())
    const [reader] = pcscd.readers
    await seen(reader, true)
    let served = true
    const unserve = async () => {
      if (served) assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
      served = false
    }
    return {
      sample,
      card: { name, reader, certificate: new X509Certificate(result.certificate) },
      place,
      unserve,
      async stop() {
        await unserve()
        await sample.close()
        await pcscd.stop()
        await swtpm.stop()
      },
    }
  } finally {
    await card.close()
  }
}
