// Cards in readers that a PIN was proved to: one file for each GUID, with the public key of the card's slot 9e.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { FileError } from '../errors.ts'
import { type Files, files as systemFiles } from '../files/files.ts'
import type { Home } from '../home/home.ts'
import type { KnownCards } from '../piv/host/recognition.ts'

/** Ten times longer than any supported key in PEM. */
const LONGEST = 8192

export function knownCards(home: Home, files: Files = systemFiles): KnownCards {
  const path = (guid: string) => join(home.knownCards, `${guid}.pem`)
  return {
    path,
    async key(guid) {
      const content = await files.read(path(guid), LONGEST)
      return content && keyIn(content, path(guid))
    },
    async add(guid, key) {
      await files.makeFolder(home.knownCards)
      await files.writeAtomic(path(guid), Buffer.from(key.export({ type: 'spki', format: 'pem' })))
    },
    remove: (guid) => files.remove(path(guid)),
  }
}

function keyIn(content: Uint8Array, path: string): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(content), format: 'pem' })
  } catch (cause) {
    throw new FileError(
      'ERR_CARD_FILE',
      `${path} is damaged: it tells which card had your PIN before. Put back a copy of it, or delete it if you are sure that the card in the reader is yours.`,
      { cause, path },
    )
  }
}
