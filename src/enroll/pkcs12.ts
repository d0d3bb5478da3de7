/**
 * PKCS#12 files (RFC 7292): a private key and its certificates under a passphrase, as openssl, Windows and Firefox write
 * them. The MAC over all is checked first, where there is one.
 */
import { createPrivateKey } from 'node:crypto'
import { copyOf, wipe } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { readTlvs, TlvError, unwrap } from '../iso7816/tlv.ts'
import { toDer } from '../x509/ber.ts'
import { dotted } from '../x509/oid.ts'
import { Parts } from '../x509/parts.ts'
import { bmpOf, decrypt, macIsRight, type Secrets, unknown } from './pkcs12-ciphers.ts'
import { Pkcs12Work } from './pkcs12-work.ts'

export interface Pkcs12 {
  /** PKCS#8 in DER, for the caller to wipe. */
  readonly privateKey: Uint8Array
  /** DER, in the order of the file. */
  readonly certificates: readonly Uint8Array[]
}

const SEQUENCE = 0x30
const INTEGER = 0x02
const OCTETS = 0x04
const OID = 0x06
const FIELD_0 = 0xa0
const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
} as const
const X509 = '1.2.840.113549.1.9.22.1'

interface Bags {
  readonly keys: Uint8Array[]
  readonly certificates: Uint8Array[]
  readonly work: Pkcs12Work
}

/** Whether `octets` begin as PKCS#12 does: a sequence, of which the first element is the number 3. */
export function looksLikePkcs12(octets: Uint8Array): boolean {
  const [tag, length = 0] = octets
  const start = length < 0x80 ? 2 : 2 + (length & 0x7f)
  return tag === SEQUENCE && [INTEGER, 0x01, 0x03].every((octet, index) => octets[start + index] === octet)
}

/** @throws CardError ERR_DATA: malformed, too much work, another passphrase, none or more than one private key */
export async function readPkcs12(octets: Uint8Array, passphrase: Uint8Array, work = new Pkcs12Work()): Promise<Pkcs12> {
  const bags: Bags = { keys: [], certificates: [], work }
  const secrets = { passphrase, bmp: bmpOf(passphrase) }
  try {
    await readBags(octets, secrets, bags)
    const [key] = bags.keys
    if (key === undefined || bags.keys.length > 1) {
      const many = key === undefined ? 'no private key' : 'more than one private key'
      throw new CardError('ERR_DATA', `The PKCS#12 file has ${many}, and one is needed.`)
    }
    return { privateKey: checkKey(copyOf(key)), certificates: bags.certificates }
  } catch (error) {
    if (error instanceof TlvError) {
      throw new CardError('ERR_DATA', `The PKCS#12 file is malformed: ${error.message}.`, { cause: error })
    }
    throw error
  } finally {
    wipe(secrets.bmp, ...bags.keys)
  }
}

async function readBags(octets: Uint8Array, secrets: Secrets, bags: Bags): Promise<void> {
  const parts = new Parts(unwrap(toDer(octets), SEQUENCE))
  parts.take(INTEGER)
  const { type, content } = contentInfo(parts.take(SEQUENCE))
  if (type !== DATA) throw unknown('not protected by a passphrase')
  const safes = unwrap(content, OCTETS)
  const mac = parts.takeIf(SEQUENCE)
  parts.end()
  if (mac !== undefined && !(await macIsRight(mac, safes, secrets, bags.work))) throw wrongPassphrase()
  for (const { value } of readTlvs(unwrap(toDer(safes), SEQUENCE))) await readSafe(value, secrets, bags)
}

function contentInfo(value: Uint8Array): { readonly type: string; readonly content: Uint8Array } {
  const parts = new Parts(value)
  return { type: dotted(parts.take(OID)), content: parts.take(FIELD_0) }
}

async function readSafe(value: Uint8Array, secrets: Secrets, bags: Bags): Promise<void> {
  const { type, content } = contentInfo(value)
  if (type === DATA) return readSafeContents(unwrap(content, OCTETS), secrets, bags)
  if (type !== ENCRYPTED_DATA) throw unknown(`content ${type}`)
  const outer = new Parts(unwrap(content, SEQUENCE))
  outer.take(INTEGER)
  const inner = new Parts(outer.take(SEQUENCE))
  inner.take(OID)
  const algorithm = inner.take(SEQUENCE)
  const ciphertext = inner.takeIf(0x80) ?? joined(inner.take(FIELD_0))
  const plain = await opened(algorithm, ciphertext, secrets, bags)
  try {
    await readSafeContents(plain, secrets, bags)
  } finally {
    wipe(plain)
  }
}

/** An octet string in pieces. */
const joined = (pieces: Uint8Array): Uint8Array => Buffer.concat(readTlvs(pieces).map(({ value }) => value))

async function readSafeContents(octets: Uint8Array, secrets: Secrets, bags: Bags): Promise<void> {
  for (const { value } of readTlvs(unwrap(toDer(octets), SEQUENCE))) {
    const parts = new Parts(value)
    const type = dotted(parts.take(OID))
    const content = parts.take(FIELD_0)
    if (type === BAG.key) bags.keys.push(copyOf(content))
    if (type === BAG.shroudedKey) bags.keys.push(await openedKey(content, secrets, bags))
    if (type === BAG.certificate) bags.certificates.push(...x509Of(content))
  }
}

async function openedKey(content: Uint8Array, secrets: Secrets, bags: Bags): Promise<Uint8Array> {
  const parts = new Parts(unwrap(content, SEQUENCE))
  return opened(parts.take(SEQUENCE), parts.take(OCTETS), secrets, bags)
}

function x509Of(content: Uint8Array): Uint8Array[] {
  const parts = new Parts(unwrap(content, SEQUENCE))
  if (dotted(parts.take(OID)) !== X509) return []
  return [copyOf(unwrap(parts.take(FIELD_0), OCTETS))]
}

async function opened(
  algorithm: Uint8Array,
  ciphertext: Uint8Array,
  secrets: Secrets,
  bags: Bags,
): Promise<Uint8Array> {
  try {
    return await decrypt(algorithm, ciphertext, secrets, bags.work)
  } catch (error) {
    if (error instanceof CardError || error instanceof TlvError) throw error
    throw wrongPassphrase()
  }
}

const wrongPassphrase = () =>
  new CardError('ERR_DATA', 'The PKCS#12 file does not open: its passphrase is another one, or it was damaged.')

function checkKey(pkcs8: Uint8Array): Uint8Array {
  try {
    createPrivateKey({ key: Buffer.from(pkcs8.buffer), format: 'der', type: 'pkcs8' })
    return pkcs8
  } catch {
    wipe(pkcs8)
    throw new CardError('ERR_DATA', 'The private key in the PKCS#12 file is none that is known here.')
  }
}
