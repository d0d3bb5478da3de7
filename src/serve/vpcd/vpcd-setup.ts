// How vpcd is set up on this machine: its version, and its rows of reader.conf(5).
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findTcpRow } from './proc-net-tcp.ts'

export interface VpcdSetup {
  /** The configuration file with this row. */
  readonly path: string
  /** Beginning of the names of its readers. */
  readonly name: string
  readonly library: string
  /** The host that vpcd connects to; undefined where it listens. */
  readonly host: string | undefined
  /** Port of the first reader; the second has the next one. */
  readonly port: number
}

export const VPCD_FILES = { configuration: '/etc/reader.conf.d', packages: '/var/lib/dpkg/status' } as const
const PACKAGE = 'vsmartcard-vpcd'
const LIBRARY = /vpcd/
const LONGEST = 65_536
const MOST_LINES = 10_000_000
/** ifd-vpcd.c: the default port. */
const DEFAULT_PORT = 0x8c7b
/** The last version that crashes pcscd when it loses a connection that it made. No later version was released. */
const LAST_CRASHING = [3, 3]

/** The readers of vpcd in one file of configuration. */
export function parseSetups(path: string, text: string): VpcdSetup[] {
  const found: VpcdSetup[] = []
  let row = new Map<string, string>()
  // FRIENDLYNAME begins a reader; the order of the others is free.
  for (const line of [...text.split('\n'), 'FRIENDLYNAME ""']) {
    const [, key = '', quoted, bare] = /^\s*([A-Z]+)\s+(?:"([^"]*)"|(\S+))\s*$/.exec(line) ?? []
    if (key === 'FRIENDLYNAME') {
      const setup = setupOf(path, row)
      if (setup !== undefined) found.push(setup)
      row = new Map()
    }
    if (key !== '') row.set(key, quoted ?? bare ?? '')
  }
  return found
}

function setupOf(path: string, row: ReadonlyMap<string, string>): VpcdSetup | undefined {
  const library = row.get('LIBPATH') ?? ''
  if (!LIBRARY.test(library)) return undefined
  const [, host = '', digits] = /^([^:]*)(?::(.*))?$/.exec(row.get('DEVICENAME') ?? '') ?? []
  const port = digits === undefined ? DEFAULT_PORT : Number(digits)
  const listens = digits === undefined || host === '/dev/null'
  return { path, name: row.get('FRIENDLYNAME') ?? '', library, host: listens ? undefined : host, port }
}

/** Every reader of vpcd in the configuration of pcscd. */
export async function vpcdSetups(folder: string = VPCD_FILES.configuration): Promise<VpcdSetup[]> {
  const names = await readdir(folder).catch(() => [])
  const texts = names.sort().map(async (name) => {
    const path = join(folder, name)
    const text = await readFile(path, 'latin1').catch(() => '')
    return text.length > LONGEST ? [] : parseSetups(path, text)
  })
  return (await Promise.all(texts)).flat()
}

/** Whether a vpcd is configured here, or a program listens where it would. Where the system does not say: true. */
export async function mayReachVpcd(port: number, folder: string = VPCD_FILES.configuration): Promise<boolean> {
  if ((await vpcdSetups(folder)).length > 0) return true
  const listening = findTcpRow(({ local, state }) => state === 'listening' && local.port === port)
  return listening.then(
    (row) => row !== undefined,
    () => true,
  )
}

/** Version of the vpcd package; undefined where it is not installed as a package. */
export async function vpcdVersion(status: string = VPCD_FILES.packages): Promise<string | undefined> {
  const file = await open(status).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    let left = MOST_LINES
    let ours = false
    let installed = false
    for await (const line of file.readLines({ encoding: 'latin1' })) {
      const [, field = '', value = ''] = /^([A-Z][A-Za-z-]*): (.*)$/.exec(line) ?? []
      if (field === 'Package') ours = value === PACKAGE
      if (ours && field === 'Status') installed = value.endsWith(' installed')
      if (ours && installed && field === 'Version') return value
      left -= 1
      if (left === 0) break
    }
    return undefined
  } catch {
    return undefined
  } finally {
    await file.close().catch(() => undefined)
  }
}

/** Whether this version crashes pcscd when the card that it connected to is gone. An unknown version may. */
export function endsPcscd(version: string | undefined): boolean {
  const [, major = '0', minor = '0'] = /^(?:\d+:)?(\d+)\.(\d+)/.exec(version ?? '') ?? []
  const [lastMajor = 0, lastMinor = 0] = LAST_CRASHING
  return Number(major) < lastMajor || (Number(major) === lastMajor && Number(minor) <= lastMinor)
}
