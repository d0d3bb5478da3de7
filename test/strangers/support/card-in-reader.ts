// One card in the embedded TPM whose slots have certificates that a test describes, by `tessera serve` in a reader. For
// programs that look at what a certificate says.
import * as assert from 'uvu/assert'
import { requestCertificate } from '../../../src/enroll/index.ts'
import { createCard } from '../../../src/index.ts'
import type { Algorithm } from '../../../src/piv/algorithms.ts'
import { certificate, derOf } from '../../enroll/support/openssl.ts'
import { startServe } from '../../serve/support/process.ts'
import { startPcscd } from '../../support/pcscd.ts'
import { tempDir } from '../../support/temp.ts'
import { PIN, PUK } from './served.ts'

export interface Described {
  readonly algorithm: Algorithm
  readonly subject?: string
  /** Lines of an extensions section of openssl. */
  readonly extensions: readonly string[]
  /** Hash and end of the certificate, as openssl.ts has them. */
  readonly hash?: string
  readonly to?: string
}

export interface CardInReader {
  /** Certificates in DER, by slot. */
  readonly certificates: Readonly<Record<string, Uint8Array>>
  stop(): Promise<void>
}

export const CA = 'strangers-ca'

/** @param slots what is in them; the CA that signs is `CA` in the folder of openssl.ts */
export async function cardInReader(slots: Readonly<Record<string, Described>>): Promise<CardInReader> {
  certificate(CA, {
    kind: 'RSA-2048',
    subject: '/CN=CA of the strangers',
    extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign,cRLSign'],
  })
  const [home, pcscd] = [tempDir('home'), await startPcscd()]
  const certificates: Record<string, Uint8Array> = {}
  const card = await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN, puk: PUK })
  try {
    for (const [slot, { algorithm, subject = '/CN=maria', extensions, hash, to }] of Object.entries(slots)) {
      await card.verifyPin(PIN)
      await card.generateKey(slot, { algorithm, pinPolicy: 'once' })
      const request = await requestCertificate(card, slot, { subject: 'CN=maria', pin: PIN, hash: 'SHA-256' })
      const der = certificate(`slot-${slot}`, {
        ...{ by: CA, request, subject, extensions },
        ...(hash !== undefined && { hash }),
        ...(to !== undefined && { to }),
      })
      await card.putCertificate(slot, { certificate: der, chain: [derOf(`${CA}.pem`)] })
      certificates[slot] = der
    }
  } finally {
    await card.close()
  }
  const serve = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`], { TESSERA_HOME: home })
  assert.ok((await serve.line())?.startsWith('Serving'), serve.stderr())
  return {
    certificates,
    async stop() {
      assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
      await pcscd.stop()
    },
  }
}
