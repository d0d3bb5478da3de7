// Public keys of keys on cards that do not report them: one file for each card id and slot.
import { join } from 'node:path'
import { type Files, files as systemFiles } from '../files/files.ts'
import type { Home } from './home.ts'

/** Ten times longer than any supported key in PEM. */
const LONGEST = 8192
const fileOf = (home: Home, card: string, slot: string) => join(home.publicKeys, `${card}-${slot}.pem`)

/** @param card its id, 32 hex digits; `pem`: SubjectPublicKeyInfo. @throws FileError */
export async function keepPublicKey(
  { home, card, slot }: { readonly home: Home; readonly card: string; readonly slot: string },
  pem: string,
  files: Files = systemFiles,
): Promise<void> {
  await files.makeFolder(home.publicKeys)
  await files.writeAtomic(fileOf(home, card, slot), Buffer.from(pem))
}

/** Undefined if none is stored. @throws FileError */
export async function keptPublicKey(
  { home, card, slot }: { readonly home: Home; readonly card: string; readonly slot: string },
  files: Files = systemFiles,
): Promise<string | undefined> {
  const content = await files.read(fileOf(home, card, slot), LONGEST)
  return content && Buffer.from(content).toString('latin1')
}
