// Which peer may have the card, and so receives PINs: on Linux the connection must be pcscd's.
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { PcscError } from '../../errors.ts'
import { type Endpoint, findTcpRow } from './proc-net-tcp.ts'

/** The user that distributions run pcscd as, where it is not root. */
const SYSTEM_USER = 'pcscd'
const same = (left: Endpoint, right: Endpoint) => left.address === right.address && left.port === right.port

/** The user id of a system user. @param passwd content of /etc/passwd, passwd(5) */
export function userId(passwd: string, name: string): number | undefined {
  const row = passwd.split('\n').find((line) => line.startsWith(`${name}:`))
  const [, id] = /^[^:]*:[^:]*:(\d{1,10}):/.exec(row ?? '') ?? []
  return id === undefined ? undefined : Number(id)
}

async function trustedUsers(): Promise<readonly (number | undefined)[]> {
  const passwd = await readFile('/etc/passwd', 'latin1').catch(() => '')
  return [0, process.getuid?.(), userId(passwd, SYSTEM_USER)]
}

/**
 * The user at the other end of a TCP connection of this machine; undefined where it has gone. Ask once the peer has sent
 * something. Rejects if the system cannot say.
 */
export async function ownerOf(socket: Socket): Promise<number | undefined> {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  const there: Endpoint = { address: remoteAddress ?? '', port: remotePort ?? 0 }
  const here: Endpoint = { address: localAddress ?? '', port: localPort ?? 0 }
  const row = await findTcpRow(({ local, remote }) => same(local, there) && same(remote, here))
  return row === undefined || row.inode === 0 ? undefined : row.uid
}

/**
 * Resolves when the peer of a connection may have the card; `who` names it in errors. Call it once the peer has sent
 * something: the kernel does not know the owner of a connection that is not accepted yet.
 * @throws PcscError ERR_SERVE_PEER
 */
export async function checkPeer(socket: Socket, who: string): Promise<void> {
  if (process.platform !== 'linux') return
  let owner: number | undefined
  try {
    owner = await ownerOf(socket)
  } catch (cause) {
    const why = 'since /proc/net/tcp cannot be read'
    throw refused(`The owner of ${who} cannot be found out, ${why}: the card is not given to it.`, { cause })
  }
  if (owner === undefined) {
    throw refused(`The owner of ${who} cannot be found out, since it has gone: the card is not given to it.`)
  }
  if ((await trustedUsers()).includes(owner)) return
  throw refused(
    `${capital(who)} runs as the user ${owner}, and is not pcscd, which runs as root or as you: the card is not given to it, since it would be sent the PIN. See which program it is: ss -tnpa.`,
  )
}

/** Whether a program listens on this port for the whole network, as vpcd does, without authentication. */
export async function isExposed(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return false
  const row = await findTcpRow(({ local, state }) => state === 'listening' && local.port === port).catch(
    () => undefined,
  )
  return row?.local.address === '0.0.0.0'
}

const refused = (message: string, details: { readonly cause?: unknown } = {}) =>
  new PcscError('ERR_SERVE_PEER', message, details)

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)
