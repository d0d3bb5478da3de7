/**
 * Remembered accounts: where each signs in, and with which certificate on which card. One file per account with public data
 * only, never a PIN or a token. A process that writes one holds the lock of its address (signed-in.ts).
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { type AnyCardError, isCardError } from '../errors.ts'
import type { Files } from '../files/files.ts'
import { decode, moment, octets, text } from '../files/schema.ts'
import { damaged, type Kind, seal } from '../files/sealed-text.ts'
import { LONGEST_CERTIFICATE } from '../piv/certificate.ts'
import { SLOTS } from '../piv/slots.ts'
import { checkAddress, fileNameOf } from './address.ts'
import { END_REASONS, METHODS } from './methods.ts'
import { serviceOrigin } from './origin.ts'

const KIND: Kind = {
  magic: 'tessera-account',
  version: 1,
  noun: 'account file',
  advice: 'Remove it (tessera forget ADDRESS), and sign in again with --service.',
}
const LIMIT = 1024 * 1024
const SUFFIX = '.account'
const MOST_CERTIFICATES = 32

const passes = (check: (value: string) => unknown) => (value: string) => {
  try {
    check(value)
    return true
  } catch (error) {
    if (isCardError(error)) return false
    throw error
  }
}

const schema = v.strictObject({
  address: v.pipe(text(3, 254), v.check(passes(checkAddress), 'expected an address')),
  /** Its origin: `https://service.example:8443`. */
  service: v.pipe(
    text(9, 2048),
    v.check(
      passes((url) => serviceOrigin(url)),
      'expected an origin',
    ),
  ),
  method: v.picklist(METHODS),
  card: v.strictObject({
    kind: v.picklist(['tpm', 'reader']),
    /** GUID of the card in hex, which finds the card in any reader and under any name. */
    id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
    /** Its last name, for messages. */
    name: text(1, 256),
  }),
  slot: v.picklist([...SLOTS.keys()]),
  /** SHA-256 of the certificate last signed in with. */
  fingerprint: octets(32),
  /** Trusted CA certificates of the service (DER); Node's own if there are none. */
  ca: v.optional(v.pipe(v.array(octets(1, LONGEST_CERTIFICATE)), v.minLength(1), v.maxLength(MOST_CERTIFICATES))),
  lastSignIn: moment,
  /** How the last session ended, if it has. */
  ended: v.optional(v.strictObject({ at: moment, reason: v.picklist(END_REASONS) })),
})

export type Account = v.InferOutput<typeof schema>

/** @throws FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER */
export const readAccount = (file: Uint8Array, path: string): Account => decode(KIND, schema, file, path)

export type ListedAccount = Account | { readonly path: string; readonly error: AnyCardError }

/** The accounts of one home. */
export class Accounts {
  readonly #folder: string
  readonly #files: Files

  constructor(home: string, files: Files) {
    this.#folder = join(home, 'accounts')
    this.#files = files
  }

  pathOf(address: string): string {
    return join(this.#folder, fileNameOf(address) + SUFFIX)
  }

  /** @throws FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER */
  read(address: string): Promise<Account | undefined> {
    return this.#read(this.pathOf(address))
  }

  /** Whether there is a file, even an unreadable one. */
  isKnown(address: string): Promise<boolean> {
    return this.#files.exists(this.pathOf(address))
  }

  async #read(path: string): Promise<Account | undefined> {
    const file = await this.#files.read(path, LIMIT)
    if (file === undefined) return undefined
    const account = readAccount(file, path)
    if (this.pathOf(account.address) !== path) throw damaged(KIND, path, 'it is about another address')
    return account
  }

  /** Sorted by address. An unreadable account is listed with its error. */
  async list(): Promise<ListedAccount[]> {
    const names = (await this.#files.list(this.#folder)).filter(
      (name) => name.endsWith(SUFFIX) && !name.startsWith('.'),
    )
    const listed = await Promise.all(
      names.map(async (name): Promise<ListedAccount | undefined> => {
        const path = join(this.#folder, name)
        try {
          return await this.#read(path)
        } catch (error) {
          if (!isCardError(error)) throw error
          return { path, error }
        }
      }),
    )
    return listed.filter((one) => one !== undefined)
  }

  /** Does not overwrite a damaged file or one of a newer version. @throws FileError */
  async write(account: Account): Promise<void> {
    const path = this.pathOf(account.address)
    const file = seal(KIND, account)
    readAccount(file, path)
    await this.#files.makeFolder(this.#folder)
    await this.#read(path)
    await this.#files.writeAtomic(path, file)
  }

  /** Removes even a damaged file. Returns false if there was none. */
  remove(address: string): Promise<boolean> {
    return this.#files.remove(this.pathOf(address))
  }
}
