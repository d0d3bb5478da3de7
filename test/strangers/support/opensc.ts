// OpenSC's programs on a card: which reader, which module, and how they are told the PIN.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RunOptions } from './tools.ts'

/** A shared library of the system by its name: it is in the folder of the machine's architecture. */
export function library(name: string): string {
  const found = readdirSync('/usr/lib')
    .map((folder) => join('/usr/lib', folder, name))
    .find((path) => existsSync(path))
  if (found === undefined) throw new Error(`${name} is not installed`)
  return found
}

export const OPENSC = library('opensc-pkcs11.so')

/** Label, and PKCS#11 id, by slot: SP 800-73 names the certificates, OpenSC the rest. */
export const NAMES = {
  '9a': {
    id: '01',
    certificate: 'Certificate for PIV Authentication',
    key: 'PIV AUTH key',
    publicKey: 'PIV AUTH pubkey',
  },
  '9c': { id: '02', certificate: 'Certificate for Digital Signature', key: 'SIGN key', publicKey: 'SIGN pubkey' },
  '9d': { id: '03', certificate: 'Certificate for Key Management', key: 'KEY MAN key', publicKey: 'KEY MAN pubkey' },
  '9e': {
    id: '04',
    certificate: 'Certificate for Card Authentication',
    key: 'CARD AUTH key',
    publicKey: 'CARD AUTH pubkey',
  },
  '82': {
    id: '05',
    certificate: 'Retired Certificate for Key Management 1',
    key: 'Retired KEY MAN 1',
    publicKey: 'Retired KEY MAN 1',
  },
} as const
export type UsedSlot = keyof typeof NAMES

/** Secrets reach OpenSC through its environment. `secrets`: by the name that the words call them by. */
export const secret = (name: string): string => `env:${name}`
export const knowing = (secrets: Readonly<Record<string, string>>): RunOptions => ({ env: secrets })

/** The labels in a list of objects, as pkcs11-tool prints one. */
export const labels = (list: string): string[] =>
  [...list.matchAll(/^ +label: +'?(.*?)'?$/gm)].map(([, label = '']) => label)

/** An object of a token as RFC 7512 names it; the PIN, where one is wanted, is in a file. */
export function uri(token: string, slot: UsedSlot, type: 'private' | 'cert', pinFile?: string): string {
  const path = `pkcs11:token=${encodeURIComponent(token)};id=%${NAMES[slot].id};type=${type}`
  return pinFile === undefined ? path : `${path}?pin-source=file:${pinFile}`
}
