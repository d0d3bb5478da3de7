// Which CA a certificate came from, so that its renewal needs no options: address, template, trusted certificates and
// kind of login, never a password. There is one file for each card and slot.
import { join } from 'node:path'
import * as v from 'valibot'
import { type Files, files as systemFiles } from '../files/files.ts'
import { decode, octets, text } from '../files/schema.ts'
import { type Kind, seal } from '../files/sealed-text.ts'
import { caFile } from '../home/enrolments.ts'
import { Home } from '../home/home.ts'
import { LONGEST_CERTIFICATE } from '../piv/certificate.ts'
import type { Card } from '../piv/host/card.ts'
import { parseSlot } from '../piv/slots.ts'
import { cardIdOf } from './identity.ts'
import { MOST_IN_FILE } from './read.ts'

const kindOf = (slot: string): Kind => ({
  magic: 'tessera-ca',
  version: 1,
  noun: 'file about a CA',
  advice: `Say which CA, and it is written anew: tessera enroll ${slot} --renew --est URL (or --certsrv URL).`,
})
const LIMIT = 1024 * 1024

const schema = v.strictObject({
  protocol: v.picklist(['est', 'certsrv']),
  url: v.pipe(text(1, 2048), v.startsWith('https://')),
  template: v.optional(text(1, 128)),
  login: v.picklist(['none', 'password', 'negotiate', 'certificate']),
  user: v.optional(text(1, 256)),
  /** Certificates (DER) to trust, if the user gave any. */
  trust: v.optional(v.pipe(v.array(octets(1, LONGEST_CERTIFICATE)), v.minLength(1), v.maxLength(MOST_IN_FILE))),
})

export type RememberedCa = v.InferOutput<typeof schema>

function fileOf(card: string, slot: string): readonly [folder: string, file: string] {
  const { enrolments } = new Home()
  return [enrolments, join(enrolments, caFile(card, parseSlot(slot)))]
}

/**
 * Remembers the CA of a certificate. Of its address, a query and a fragment are left out: no protocol uses them, and they
 * may be secret.
 * @param card its id
 * @returns false for values that do not suit the file, such as an address with a password in it
 * @throws FileError
 */
export async function rememberCa(
  card: string,
  slot: string,
  ca: RememberedCa,
  files: Files = systemFiles,
): Promise<boolean> {
  const [folder, path] = fileOf(card, slot)
  const { username, password, origin, pathname } = new URL(ca.url)
  const kept = { ...ca, url: `${origin}${pathname}` }
  if (username !== '' || password !== '' || !v.is(schema, JSON.parse(JSON.stringify(shown(kept))))) return false
  await files.makeFolder(folder)
  await files.writeAtomic(path, seal(kindOf(slot), kept))
  return true
}

/** As in the file: octets are base64 there. */
const shown = ({ trust, ...rest }: RememberedCa) => ({
  ...rest,
  ...(trust && { trust: trust.map((der) => Buffer.from(der).toString('base64')) }),
})

/** @throws FileError ERR_CARD_FILE for a damaged file */
export async function rememberedCa(
  card: Card,
  slot: string,
  files: Files = systemFiles,
): Promise<RememberedCa | undefined> {
  const [, path] = fileOf(await cardIdOf(card), slot)
  const found = await files.read(path, LIMIT)
  return found && decode(kindOf(slot), schema, found, path)
}
