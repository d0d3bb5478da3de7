// What works on this computer and what is missing, in plain words.
import { native } from '../native.ts'
import { cards } from './cards.ts'
import { type Finding, found, type Place } from './finding.ts'
import { pcsc } from './pcsc.ts'
import { tls } from './tls.ts'
import { deviceFile, tpm } from './tpm.ts'
import { vpcd } from './vpcd.ts'

/**
 * Checks the addon, the TPM, PC/SC, Node's TLS and the cards. Nothing is changed, no secret is asked for, no try is
 * spent. On systems that start pcscd on demand, the check starts it.
 */
export async function diagnose(options: Place = {}): Promise<Finding[]> {
  const addon = await found('Native part', async () => {
    native()
    return 'loaded'
  })
  const built = addon.state === 'ok'
  return [
    { what: 'Node.js', state: 'ok', detail: `${process.version} on ${process.platform} ${process.arch}` },
    addon,
    await deviceFile(),
    ...(built ? await tpm(options) : []),
    ...(built ? [await pcsc()] : []),
    ...(await vpcd()),
    ...(built ? [tls()] : []),
    await cards(options.home),
  ]
}
