// The public keys of keys that were made on cards which do not tell of them, beside the card's id: a file each.
import { join } from 'node:path'
import { type Files, files as systemFiles } from '../files/files.ts'
import type { Home } from './home.ts'

/** No key known here is a tenth of it in PEM. */
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

/** undefined where none was kept. @throws FileError */
export async function keptPublicKey(
  { home, card, slot }: { readonly home: Home; readonly card: string; readonly slot: string },
  files: Files = systemFiles,
): Promise<string | undefined> {
  const content = await files.read(fileOf(home, card, slot), LONGEST)
  return content && Buffer.from(content).toString('latin1')
}
