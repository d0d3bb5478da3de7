// A VPN on this machine without a network device: a server of openvpn, and a client whose key is on a card.
import { connect } from 'node:net'
import { at, certificate } from '../../enroll/support/openssl.ts'
import { freePorts } from '../../support/ports.ts'
import { ok, type Said, startUntil } from './tools.ts'

const PROGRAM = 'openvpn'
const COMMON = ['--dev', 'null', '--verb', '3', '--nobind']

export interface Vpn {
  /** Whether the server lets the client in whose certificate OpenSC has under that number. */
  lets(id: string): Promise<boolean>
  /** What both said last. */
  log(): string
}

/** @param ca name of the CA of both, in the folder of openssl.ts */
export async function startVpn(ca: string, module: string, pin: string): Promise<Vpn> {
  certificate('vpn', { by: ca, subject: '/CN=vpn', extensions: ['extendedKeyUsage=serverAuth'] })
  const serialized = idsIn(await ok(PROGRAM, ['--show-pkcs11-ids', module]))
  let log = ''
  return {
    async lets(id) {
      const port = String(await freePorts(2))
      const management = String(Number(port) + 1)
      const [cert, key, anchor] = [at('vpn.pem'), at('vpn.key'), at(`${ca}.pem`)]
      const server = await startUntil(
        PROGRAM,
        [
          ...['--dev', 'null', '--verb', '3', '--proto', 'tcp-server', '--local', '127.0.0.1', '--lport', port],
          ...['--tls-server', '--dh', 'none', '--ca', anchor, '--cert', cert, '--key', key],
        ],
        /Listening for incoming TCP connection/,
      )
      const client = startUntil(
        PROGRAM,
        [
          ...[...COMMON, '--proto', 'tcp-client', '--remote', '127.0.0.1', port, '--tls-client', '--ca', anchor],
          ...['--pkcs11-providers', module, '--pkcs11-id', serialized.get(id) ?? '', '--tls-exit'],
          ...['--connect-retry-max', '1', '--management', '127.0.0.1', management, '--management-query-passwords'],
        ],
        /Initialization Sequence Completed/,
      )
      const answering = answerWith(pin, Number(management), client)
      try {
        const connected = await client
        await connected.stop()
        log = `${connected.stdout()}\n${server.stdout()}`
        return true
      } catch (ended) {
        log = `${String(ended)}\n${server.stdout()}`
        return false
      } finally {
        await answering
        await server.stop()
      }
    },
    log: () => log,
  }
}

/** What openvpn calls the certificates, by OpenSC's numbers. */
const idsIn = ({ stdout }: Said): ReadonlyMap<string, string> =>
  new Map([...stdout.matchAll(/Serialized id: +(\S+\/(\S+))$/gm)].map(([, name = '', id = '']) => [id, name]))

/** Gives the PIN when openvpn asks for it over its management interface, until the client has ended. */
async function answerWith(pin: string, port: number, client: Promise<unknown>): Promise<void> {
  const isOver = client.then(
    () => undefined,
    () => undefined,
  )
  let over = false
  void isOver.then(() => {
    over = true
  })
  while (!over) {
    const socket = connect(port, '127.0.0.1')
    const closed = new Promise<boolean>((resolve) => {
      socket.on('error', () => resolve(false)).on('close', () => resolve(true))
    })
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const [, token = ''] of text.matchAll(/>PASSWORD:Need '(.*) token' password/g))
        socket.write(`password "${token} token" "${pin}"\n`)
    })
    if ((await Promise.race([closed, isOver])) === undefined) socket.destroy()
    // The client does not listen yet: its next line or its end comes soon.
    else await new Promise((resolve) => setImmediate(resolve))
  }
}
