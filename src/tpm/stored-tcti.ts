/**
 * The TCTI string in a card file. tpm2-tss accepts far more than addresses: `cmd:` runs a program, a path loads a library,
 * `pcap:` passes on to either. A card file may have been written by another user, and listing it must not run programs.
 * So a string from a file opens a TPM only when it is one of the addresses below. Any other has to come from the user who
 * starts the program: --tcti, the option `tcti`, $TESSERA_TCTI.
 */
import { isIPv4 } from 'node:net'
import { TpmError } from '../errors.ts'

declare const unchecked: unique symbol
/** As in the file. Its type is not a string, so that it cannot open a TPM before `openableTcti` has checked it. */
export interface StoredTcti {
  readonly [unchecked]: true
}

/** For a new card: the string to store. It is checked when it is read again, not now. */
export const storedTcti = (tcti: string): StoredTcti => tcti as unknown as StoredTcti

/** For people to read, and for nothing else. */
export const shownTcti = (tcti: StoredTcti): string => tcti as unknown as string

const isPort = (text: string): boolean => /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535
/** On this machine. A name could lead elsewhere, except the one that every system has. */
const isLoopback = (text: string): boolean =>
  (isIPv4(text) && text.startsWith('127.')) || text === '::1' || text === 'localhost'
/** Absolute and normalised: `..` would get around any rule about folders. */
const isPath = (text: string): boolean =>
  /^(\/[^/\0]+)+$/.test(text) && !/\/\.{1,2}(\/|$)/.test(text) && !text.includes(',')

type Settings = Readonly<Record<string, (value: string) => boolean>>

const HOST_AND_PORT: Settings = { host: isLoopback, port: isPort }

/** The settings of each kind, each at most once, in any order; `device:` has a path instead. */
const KINDS: Readonly<Record<string, Settings | ((rest: string) => boolean)>> = {
  embedded: {},
  swtpm: { ...HOST_AND_PORT, path: isPath },
  mssim: HOST_AND_PORT,
  tabrmd: {
    bus_type: (value) => value === 'system' || value === 'session',
    // Another name could be that of any service that D-Bus starts when it is asked for it.
    bus_name: (value) => /^com\.intel\.tss2\.Tabrmd[0-9]{0,5}$/.test(value),
  },
  // Merely opening another device can do harm: a watchdog restarts the computer.
  device: (path) => /^\/dev\/tpm(rm)?[0-9]{1,5}$/.test(path),
}

function isOpenable(tcti: string): boolean {
  const colon = tcti.indexOf(':')
  const kind = tcti.slice(0, Math.max(colon, 0))
  const rest = tcti.slice(colon + 1)
  const rule = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
  if (rule === undefined) return false
  if (typeof rule === 'function') return rule(rest)
  if (rest === '') return true
  const seen = new Set<string>()
  return rest.split(',').every((setting) => {
    const equals = setting.indexOf('=')
    const name = setting.slice(0, Math.max(equals, 0))
    const check = Object.hasOwn(rule, name) && !seen.has(name) ? rule[name] : undefined
    seen.add(name)
    return check?.(setting.slice(equals + 1)) === true
  })
}

/**
 * The TPM address in the file of the card `name`, checked.
 * @throws TpmError ERR_TCTI for one that runs a program, loads a library, or leads to another computer
 */
export function openableTcti(stored: StoredTcti, name: string): string {
  const tcti = shownTcti(stored)
  if (isOpenable(tcti)) return tcti
  const shown = JSON.stringify(tcti.slice(0, 100))
  throw new TpmError(
    'ERR_TCTI',
    `The file of card '${name}' says that its TPM is at ${shown}. That can run a program, load a library or lead to another computer, so a file is not obeyed in it. If the card was made there, say so yourself (--tcti or TESSERA_TCTI); if not, somebody changed the file.`,
  )
}
