// A key of a card as a key of Node: everything that Node takes where it wants a private key.
import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto'
import { UsageError } from '../errors.ts'
import { checkCardName } from '../home/home.ts'
import { type NativeProviderKey, native } from '../native.ts'
import type { Card } from '../piv/host/card.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import type { Secret } from '../piv/pin.ts'
import type { Slot } from '../piv/slots.ts'
import { closeAtExit } from './exit.ts'
import { notExportable } from './not-exportable.ts'
import { pemOf, pkcs8 } from './pkcs8.ts'
import { requireProvider } from './provider.ts'
import { Requests } from './requests.ts'
import { importCryptoKey, type KeyAlgorithm } from './web-crypto.ts'

export interface CardKeyOptions {
  /** The PIN, or a function that is asked for it when the key needs it, and told why. */
  readonly onPin?: AskPin | Secret
  /** Refuses to try a PIN when fewer tries are left; 2 unless given, which keeps the last one. */
  readonly minTriesLeft?: number
  /** A name of the card, for `url`; a key without one has none. */
  readonly name?: string
}

/**
 * A key of a card as Node's own. The private half stays on the card: Node's OpenSSL asks this thread, and this thread asks
 * the card. So it is used asynchronously only: by `crypto.subtle`, or `crypto.sign` with a callback. A synchronous call
 * in this thread fails with `ERR_KEY_SYNCHRONOUS`.
 */
export class CardKey {
  readonly slot: Slot
  readonly publicKey: KeyObject
  /** For `crypto.sign` with a callback, and for libraries that take a KeyObject. It cannot be exported. */
  readonly privateKey: KeyObject
  /**
   * A PEM text that stands for the key in this process, in all its threads, until the key is closed: for options named
   * `key` that take nothing else. It holds no secret of the card.
   */
  readonly pem: string
  /**
   * `tessera:NAME/SLOT`, where a name was given, for `crypto.createPrivateKey` of Node 24.21, 26.7 and later. It stands for
   * the key in this process until the key is closed. Other URLs open no card.
   */
  readonly url: URL | undefined
  readonly #der: Uint8Array
  readonly #native: NativeProviderKey
  readonly #requests: Requests
  readonly #opened: () => void

  /** Use cardKey. */
  constructor(requests: Requests, name?: string) {
    const { ProviderKey } = native()
    const { slot, publicKey } = requests.info
    const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
    this.slot = slot
    this.publicKey = publicKey
    this.#requests = requests
    this.#native = new ProviderKey(spki, (request) => requests.serve(this.#native, request))
    this.url = name === undefined ? undefined : urlOf(this.#native, `${name}/${slot}`)
    this.#opened = closeAtExit(this)
    this.#der = pkcs8(spki, this.#native.token)
    this.pem = pemOf(this.#der)
    this.privateKey = notExportable(createPrivateKey(this.pem))
  }

  /**
   * The private key for WebCrypto and libraries on top of it: `ECDSA` for EC keys, and from Node 24 on `ECDH`;
   * `RSASSA-PKCS1-v1_5`, `RSA-PSS` or `RSA-OAEP` for RSA keys, whose `hash` is SHA-256 unless given. It is not extractable.
   * @throws UsageError ERR_ALGORITHM for an algorithm of other keys; CardError ERR_NOT_SUPPORTED for ECDH before Node 24
   * @example const key = await (await cardKey(card, '9a')).cryptoKey('ECDSA')
   */
  cryptoKey(algorithm: KeyAlgorithm): Promise<webcrypto.CryptoKey> {
    return importCryptoKey(this.#requests.info.algorithm, this.#der, algorithm)
  }

  /** Refuses whatever waits for a signature, and every later use. The card stays open. */
  close(): void {
    this.#opened()
    this.#native.close()
    this.#requests.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/**
 * The key in a slot of a card as a key of Node. The PIN is asked for as `card.sign` asks for it: of a key with the policy
 * `once` when the card wants it, of one with `always` before each signature. The error of the card is the `cause` of Node's.
 * @throws CardError ERR_KEY_ABSENT, ERR_NO_PROVIDER; UsageError ERR_USAGE where another open key has the name
 * @example
 * const key = await cardKey(card, '9a', { onPin: ({ reason }) => ask(reason) })
 * const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, await key.cryptoKey('ECDSA'), message)
 */
export async function cardKey(card: Card, slot: string, options: CardKeyOptions = {}): Promise<CardKey> {
  const { name } = options
  if (name !== undefined) checkCardName(name)
  const info = await card.keyInfo(slot)
  requireProvider()
  return new CardKey(new Requests(card, info, options), name)
}

/** @throws UsageError ERR_USAGE */
function urlOf(key: NativeProviderKey, path: string): URL {
  const url = key.name(path)
  if (url !== null) return new URL(url)
  key.close()
  throw new UsageError('ERR_USAGE', `There is a key named '${path}' already. Close it first, or give another name.`)
}
