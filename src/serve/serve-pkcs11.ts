/** Serving cards to PKCS #11 programs of this user, by a socket of our own. */
import { type NamedCard, openCard } from '../cards/index.ts'
import { Pkcs11Service, type Pkcs11ServiceOptions } from '../doors/pkcs11/service.ts'
import type { CardSource } from '../doors/pkcs11/token.ts'
import { servedSocket } from '../doors/runtime-folder.ts'

export interface ServePkcs11Options extends Pkcs11ServiceOptions, Omit<NamedCard, 'name'> {
  /** Path of the socket: `tessera/pkcs11` in `$XDG_RUNTIME_DIR` unless given. No other user may have access to its folder. */
  readonly socket?: string
}

export interface ServedPkcs11 {
  readonly socket: string
  /** The environment in which programs find the cards, by `p11-kit-client.so`. */
  readonly env: { readonly P11_KIT_SERVER_ADDRESS: string }
  /** Ends every connection and removes the socket. Verified PINs are forgotten. */
  close(): Promise<void>
}

const READER = 'reader:'

/** A card as programs find it: one in a TPM by its name, or `reader:` and a part of the name of the reader that it is in. */
export function cardSource(card: string, options: Omit<NamedCard, 'name'> = {}): CardSource {
  if (!card.startsWith(READER)) {
    return { label: card, isRemovable: false, open: () => openCard({ ...options, name: card }) }
  }
  const reader = card.slice(READER.length)
  return { label: reader, isRemovable: true, open: () => openCard({ reader }) }
}

/**
 * Serves cards to every PKCS #11 program that this user starts with `env`, where p11-kit is installed: curl, GnuTLS,
 * OpenSSL, ssh, Java, NSS. Each card is a token with its name. Each program has its own login: a PIN that one has given
 * lets no other use a key. Programs of other users are sent away.
 *
 * A card may also be given by what opens it.
 *
 * docs/pkcs11.md has what programs see.
 * @throws FileError ERR_CARD_BUSY where the socket is served already. A card that cannot be opened is reported to `onTrouble`
 * @example
 * const served = await servePkcs11(['work'])
 * const env = { ...process.env, ...served.env } // for programs that are to find the card
 * await served.close()
 */
export async function servePkcs11(
  cards: readonly (string | CardSource)[],
  options: ServePkcs11Options = {},
): Promise<ServedPkcs11> {
  const { home, tcti, unlockMinutes } = options
  const socket = options.socket ?? servedSocket(home, process.env, 'pkcs11')
  const place = {
    ...(home !== undefined && { home }),
    ...(tcti !== undefined && { tcti }),
    ...(unlockMinutes !== undefined && { unlockMinutes }),
  }
  const sources = cards.map((card) => (typeof card === 'string' ? cardSource(card, place) : card))
  const service = await Pkcs11Service.open(socket, sources, options)
  let closing: Promise<void> | undefined
  return {
    socket,
    env: { P11_KIT_SERVER_ADDRESS: `unix:path=${socket.split('/').map(encodeURIComponent).join('/')}` },
    close: () => {
      closing ??= service.close()
      return closing
    },
  }
}
