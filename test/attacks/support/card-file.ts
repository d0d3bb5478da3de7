// Somebody who can write card files: what is in one, changed, with a checksum that is right again; and, for somebody who
// reaches the TPM as well, with the seal under the storage key made anew.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Home } from '../../../src/home/home.ts'
import { acquireDevice, releaseDevice } from '../../../src/tpm/devices.ts'
import { unseal } from '../../../src/tpm/keys/seal.ts'
import { type CardFile, decodeCardFile, encodeCardFile } from '../../../src/tpm/store/card-file.ts'
import { wholeMac } from '../../../src/tpm/store/seal.ts'

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

/** Where a home is, and how its TPM is reached. */
interface Reached {
  readonly home: string
  readonly tcti: string
}

/** As `changeFile`, by somebody who reaches the TPM: the MAC over the whole file is right, that behind the PIN is as it was. */
export async function resealFile(
  place: Reached,
  name: string,
  change: (card: CardFile) => CardFile,
): Promise<CardFile> {
  const resealed = await resealer(place, name)
  return changeFile(place.home, name, (card) => resealed(change(card)))
}

/** The key of the seal under the storage key is for everybody who reaches the TPM: what makes that MAC for any content. */
export async function resealer({ home, tcti }: Reached, name: string): Promise<(card: CardFile) => CardFile> {
  const device = await acquireDevice({ tcti, stateFile: new Home(home).tpmState, createState: false })
  try {
    const { seal } = readFile(home, name)
    if (seal === undefined) throw new Error('the card has no seal')
    const secret = await device.exclusive(async () => unseal(device, await device.srk('new'), seal.key))
    return (card) => {
      const sealed = { ...card, seal: card.seal ?? seal }
      return { ...card, seal: { ...sealed.seal, mac: wholeMac(secret, sealed) } }
    }
  } finally {
    await releaseDevice(device)
  }
}
