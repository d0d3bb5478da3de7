// Which user owns the other end of a TCP connection on this machine: /proc/net/tcp (proc_net_tcp in the kernel's documentation).
import { open } from 'node:fs/promises'
import { endianness } from 'node:os'

export interface Endpoint {
  /** Dotted: `127.0.0.1`. */
  readonly address: string
  readonly port: number
}

export interface TcpRow {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly state: 'established' | 'listening' | 'other'
  readonly uid: number
  /** Zero while no process has the connection: not accepted yet, or already closed. `uid` is 0 then and means nothing. */
  readonly inode: number
}

const PATH = '/proc/net/tcp'
/** More than the connections of one machine. */
const MOST_ROWS = 1_000_000
const ROW =
  /^ *\d+: ([0-9A-F]{8}):([0-9A-F]{4}) ([0-9A-F]{8}):([0-9A-F]{4}) ([0-9A-F]{2}) [0-9A-F]{8}:[0-9A-F]{8} [0-9A-F]{2}:[0-9A-F]{8} [0-9A-F]{8} +(\d{1,10}) +\d{1,10} (\d{1,10}) \d{1,10} [0-9a-f]{8,16} /
const STATES: Readonly<Record<string, TcpRow['state']>> = { '01': 'established', '0A': 'listening' }

/** One line; undefined for the heading and other lines. `order`: the kernel prints addresses in its own byte order. */
export function parseTcpRow(line: string, order: 'BE' | 'LE' = endianness()): TcpRow | undefined {
  const [, local, localPort, remote, remotePort, state, uid, inode] = ROW.exec(line) ?? []
  if (inode === undefined) return undefined
  const endpoint = (address = '', port = ''): Endpoint => {
    const octets = Buffer.from(address, 'hex')
    return { address: (order === 'LE' ? octets.reverse() : octets).join('.'), port: Number.parseInt(port, 16) }
  }
  return {
    local: endpoint(local, localPort),
    remote: endpoint(remote, remotePort),
    state: STATES[state ?? ''] ?? 'other',
    uid: Number(uid),
    inode: Number(inode),
  }
}

/** The first matching row, if any. Rejects if the system cannot say. */
export async function findTcpRow(wanted: (row: TcpRow) => boolean): Promise<TcpRow | undefined> {
  const file = await open(PATH)
  try {
    let left = MOST_ROWS
    for await (const line of file.readLines({ encoding: 'latin1' })) {
      const row = parseTcpRow(line)
      if (row !== undefined && wanted(row)) return row
      left -= 1
      if (left === 0) break
    }
    return undefined
  } finally {
    await file.close().catch(() => undefined)
  }
}
