// node --import tsx bench/cases/tls.ts SETUP: one handshake with a server that asks for a certificate, over and over.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { tempDir } from '../../test/support/temp.ts'
import { load, root } from '../product.ts'
import { furnished } from './layers.ts'
import { type Operation, serveRequests } from './serve-requests.ts'

export interface TlsSetup {
  readonly port: number
  readonly algorithm: 'P-256' | 'RSA-2048'
  /** The TPM of the card; none: a key in a file. */
  readonly tcti: string | undefined
  /** Files in PEM: the CA, whose key lies beside it as `.key`, and the client's, likewise. */
  readonly ca: string
  readonly client: string
}

const HOST = '127.0.0.1'
const setup = JSON.parse(process.argv[2] ?? '') as TlsSetup
const ca = readFileSync(setup.ca)

async function withCard(tcti: string): Promise<Operation> {
  const { algorithm, port } = setup
  const home = tempDir('bench')
  const { cardAgent } = await load(root, 'tls/index')
  const { requestCertificate } = await load(root, 'enroll/index')
  const { card } = await furnished({ root, layer: 'card', tcti, algorithm, policy: 'once' }, home)
  const [request, certificate] = [join(home, 'request'), join(home, 'certificate')]
  writeFileSync(request, await requestCertificate(card, '9a', { subject: 'CN=bench' }))
  const by = ['-CA', setup.ca, '-CAkey', setup.ca.replace(/pem$/, 'key'), '-set_serial', '7']
  const argv = ['x509', '-req', '-inform', 'der', '-in', request, ...by, '-outform', 'der', '-out', certificate]
  execFileSync('openssl', argv, { stdio: 'pipe' })
  await card.verifyPin('483920')
  await card.putCertificate('9a', { certificate: new Uint8Array(readFileSync(certificate)) })
  const agent = await cardAgent(card, '9a', { ca })
  return {
    run: async () => (await agent.connect({ host: HOST, port })).destroy(),
    counters: async () => ({}),
    async close() {
      agent.destroy()
      await card.close()
    },
  }
}

async function withFile(): Promise<Operation> {
  const [cert, key] = [setup.client, setup.client.replace(/pem$/, 'key')].map((path) => readFileSync(path))
  return {
    async run() {
      const socket = connect({ host: HOST, port: setup.port, ca, cert, key })
      await once(socket, 'secureConnect')
      socket.destroy()
    },
    counters: async () => ({}),
    close: async () => {},
  }
}

await serveRequests(setup.tcti === undefined ? await withFile() : await withCard(setup.tcti))
