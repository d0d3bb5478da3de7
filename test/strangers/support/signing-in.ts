// A sample service, a laboratory CA, and a card with Maria's certificate in a reader: what people sign in with.
import { X509Certificate } from 'node:crypto'
import * as assert from 'uvu/assert'
import { utf8 } from '../../../src/bytes.ts'
import { enroll, estProtocol } from '../../../src/enroll/index.ts'
import { createCard } from '../../../src/index.ts'
import type { Algorithm } from '../../../src/piv/algorithms.ts'
import { seen } from '../../pcsc/cards.ts'
import { MARIA, type Sample, startSample } from '../../relying-party/support.ts'
import { startServe } from '../../serve/support/process.ts'
import { startPcscd } from '../../support/pcscd.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { PIN } from './served.ts'

export interface SigningIn {
  readonly sample: Sample
  /** Name of the card, which other programs show, its reader, and the certificate in 9a. */
  readonly card: { readonly name: string; readonly reader: string; readonly certificate: X509Certificate }
  /** Where the library finds the card without a reader; not while it is served. */
  readonly place: { readonly home: string; readonly tcti: string }
  /** Takes the card out of the reader. */
  unserve(): Promise<void>
  stop(): Promise<void>
}

/** The card is in the reader by `tessera serve`; its certificate came by EST. */
export async function startSigningIn(algorithm: Algorithm): Promise<SigningIn> {
  const [pcscd, swtpm, sample] = await Promise.all([startPcscd(), startSwtpm(), startSample({ times: { refresh: 0 } })])
  const [name, place] = ['maria', { home: tempDir('home'), tcti: swtpm.tcti }]
  const card = await createCard({ ...place, name, pin: PIN })
  try {
    const credentials = { user: MARIA.user, password: utf8(MARIA.password) }
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
