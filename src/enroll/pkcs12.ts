/**
 * PKCS#12 files (RFC 7292): a private key and its certificates under a passphrase, as openssl, Windows and Firefox
 * write them. The MAC over everything, if there is one, is checked first.
 */
import { transcode } from 'node:buffer'
import { createPrivateKey } from 'node:crypto'
import { concat, copyOf, space, wipe } from '../bytes.ts'
import { CardError } from '../errors.ts'
import { DER, field, octetField } from '../iso7816/der.ts'
import { readTlvs, TlvError, unwrap } from '../iso7816/tlv.ts'
import { toDer } from '../x509/ber.ts'
import { Parts } from '../x509/parts.ts'
import { decrypt, macIsRight, type Secrets, unknown } from './pkcs12-ciphers.ts'
import { Pkcs12Work } from './pkcs12-work.ts'

export interface Pkcs12 {
  /** PKCS#8 in DER, for the caller to wipe. */
  readonly privateKey: Uint8Array
  /** DER, in the order of the file. */
  readonly certificates: readonly Uint8Array[]
}

const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
const BAG = {
  key: '1.2.840.113549.1.12.10.1.1',
  shroudedKey: '1.2.840.113549.1.12.10.1.2',
  certificate: '1.2.840.113549.1.12.10.1.3',
  safeContents: '1.2.840.113549.1.12.10.1.6',
} as const
const X509 = '1.2.840.113549.1.9.22.1'

interface Bags {
  readonly keys: Uint8Array[]
  readonly certificates: Uint8Array[]
  readonly work: Pkcs12Work
}

/** Whether `octets` begin as PKCS#12 does: a sequence with the number 3 as its first element. */
export function looksLikePkcs12(octets: Uint8Array): boolean {
  const [tag, length = 0] = octets
  const start = length < 0x80 ? 2 : 2 + (length & 0x7f)
  return tag === DER.sequence && [DER.integer, 0x01, 0x03].every((octet, index) => octets[start + index] === octet)
}

/** Most octets of a passphrase. */
const LONGEST_PASSPHRASE = 1024
/** How deep nested bags are followed; in practice they are one deep. */
const DEEPEST = 8

/**
 * The passphrase in the forms that PKCS#12 files use: a BMPString with two zeros at its end (RFC 7292, B.1). Some
 * programs write no octets at all for an empty one, and OpenSSL before 1.1 took each octet of UTF-8 as a character. No
 * string is made of it, since strings cannot be wiped.
 */
function formsOf(passphrase: Uint8Array): readonly Uint8Array[] {
  const ending = new Uint8Array(2)
  const text = transcode(passphrase, 'utf8', 'utf16le').swap16()
  const forms = [concat(text, ending)]
  wipe(text)
  if (passphrase.length === 0) return [...forms, new Uint8Array(0)]
  if (passphrase.every((octet) => octet < 0x80)) return forms
  const octets = space(2 * passphrase.length + 2)
  for (const [at, octet] of passphrase.entries()) octets[2 * at + 1] = octet
  return [...forms, octets]
}

/** @throws CardError ERR_DATA: malformed, too much work, wrong passphrase, no private key or more than one */
export async function readPkcs12(octets: Uint8Array, passphrase: Uint8Array, work = new Pkcs12Work()): Promise<Pkcs12> {
  if (passphrase.length > LONGEST_PASSPHRASE) throw wrongPassphrase()
  const forms = formsOf(passphrase)
  try {
    for (const [at, bmp] of forms.entries()) {
      const found = await readAs(octets, { passphrase, bmp }, work).catch((error: unknown) => {
        if (error instanceof WrongPassphrase && at < forms.length - 1) return undefined
        throw error
      })
      if (found !== undefined) return found
    }
    throw wrongPassphrase()
  } finally {
    wipe(...forms)
  }
}

async function readAs(octets: Uint8Array, secrets: Secrets, work: Pkcs12Work): Promise<Pkcs12> {
  const bags: Bags = { keys: [], certificates: [], work }
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
    wipe(...bags.keys)
  }
}

/** Reads the elements of the sequence in `octets`, and wipes the DER that is made of it: a key in it may be in the clear. */
async function inDer<T>(octets: Uint8Array, read: (value: Uint8Array) => Promise<T>): Promise<T> {
  const der = toDer(octets)
  try {
    return await read(unwrap(der, DER.sequence, 'BER'))
  } finally {
    wipe(der)
  }
}

const readBags = (octets: Uint8Array, secrets: Secrets, bags: Bags): Promise<void> =>
  inDer(octets, async (value) => {
    const parts = new Parts(value)
    parts.take(DER.integer)
    const { type, content } = contentInfo(parts.take(DER.sequence))
    if (type !== DATA) throw unknown('not protected by a passphrase')
    const safes = unwrap(content, DER.octetString, 'BER')
    const mac = parts.takeIf(DER.sequence)
    parts.end()
    if (mac !== undefined && !(await macIsRight(mac, safes, secrets, bags.work))) throw wrongPassphrase()
    await inDer(safes, async (contents) => {
      for (const { value: safe } of readTlvs(contents, 'BER')) await readSafe(safe, secrets, bags)
    })
  })

function contentInfo(value: Uint8Array): { readonly type: string; readonly content: Uint8Array } {
  const parts = new Parts(value)
  return { type: parts.takeOid(), content: parts.take(field(0)) }
}

async function readSafe(value: Uint8Array, secrets: Secrets, bags: Bags): Promise<void> {
  const { type, content } = contentInfo(value)
  if (type === DATA) return readSafeContents(unwrap(content, DER.octetString, 'BER'), secrets, bags)
  if (type !== ENCRYPTED_DATA) throw unknown(`content ${type}`)
  const outer = new Parts(unwrap(content, DER.sequence, 'BER'))
  outer.take(DER.integer)
  const inner = new Parts(outer.take(DER.sequence))
  inner.take(DER.oid)
  const algorithm = inner.take(DER.sequence)
  const ciphertext = inner.takeIf(octetField(0)) ?? joined(inner.take(field(0)))
  const plain = await opened(algorithm, ciphertext, secrets, bags)
  try {
    await readSafeContents(plain, secrets, bags)
  } finally {
    wipe(plain)
  }
}

/** Joins an octet string in pieces. */
const joined = (pieces: Uint8Array): Uint8Array => Buffer.concat(readTlvs(pieces, 'BER').map(({ value }) => value))

async function readSafeContents(octets: Uint8Array, secrets: Secrets, bags: Bags, depth = 0): Promise<void> {
  if (depth > DEEPEST) throw new TlvError('its bags are nested too deeply')
  await inDer(octets, async (contents) => {
    for (const { value } of readTlvs(contents, 'BER')) {
      const parts = new Parts(value)
      const type = parts.takeOid()
      const content = parts.take(field(0))
      if (type === BAG.key) bags.keys.push(copyOf(content))
      if (type === BAG.shroudedKey) bags.keys.push(await openedKey(content, secrets, bags))
      if (type === BAG.safeContents) await readSafeContents(content, secrets, bags, depth + 1)
      if (type === BAG.certificate) bags.certificates.push(...x509Of(content))
    }
  })
}

async function openedKey(content: Uint8Array, secrets: Secrets, bags: Bags): Promise<Uint8Array> {
  const parts = new Parts(unwrap(content, DER.sequence, 'BER'))
  return opened(parts.take(DER.sequence), parts.take(DER.octetString), secrets, bags)
}

function x509Of(content: Uint8Array): Uint8Array[] {
  const parts = new Parts(unwrap(content, DER.sequence, 'BER'))
  if (parts.takeOid() !== X509) return []
  return [copyOf(unwrap(parts.take(field(0)), DER.octetString, 'BER'))]
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

class WrongPassphrase extends CardError {}

const wrongPassphrase = () =>
  new WrongPassphrase('ERR_DATA', 'The PKCS#12 file cannot be opened: the passphrase is wrong, or the file is damaged.')

function checkKey(pkcs8: Uint8Array): Uint8Array {
  try {
    createPrivateKey({ key: Buffer.from(pkcs8.buffer), format: 'der', type: 'pkcs8' })
    return pkcs8
  } catch {
    wipe(pkcs8)
    throw new CardError('ERR_DATA', 'The private key in the PKCS#12 file is of an unsupported type, or damaged.')
  }
}
