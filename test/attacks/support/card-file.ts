// Somebody who can write card files: what is in one, changed, with a checksum that is right again.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CardFile, decodeCardFile, encodeCardFile } from '../../../src/tpm/store/card-file.ts'

export const pathOf = (home: string, name: string): string => join(home, 'cards', `${name}.card`)

export function readFile(home: string, name: string): CardFile {
  const path = pathOf(home, name)
  return decodeCardFile(readFileSync(path), path)
}

/** Writes what `change` makes of the card, where its name says. */
export function changeFile(home: string, name: string, change: (card: CardFile) => CardFile): CardFile {
  const changed = change(readFile(home, name))
  writeFileSync(pathOf(home, changed.name), encodeCardFile(changed))
  return changed
}
