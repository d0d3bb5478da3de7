// The key and the certificate of a CA in its directory: made at the first start, and the same from then on.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { hex, utf8, wipe } from '../bytes.ts'
import { DAY } from '../dates.ts'
import { FileError, UsageError } from '../errors.ts'
import { basicConstraints, extension, subjectKey } from '../x509/extensions.ts'
import { writeName } from '../x509/name.ts'
import { writeUsages } from '../x509/usages.ts'
import { type Signer, spkiOf, writeCertificate } from '../x509/write.ts'
import type { Directory } from './directory.ts'
import { LABORATORY } from './notice.ts'

/** Curves of the CA's key: their names in OpenSSL, and the hash for signatures. */
export const CURVES = {
  'P-256': { name: 'prime256v1', hash: 'SHA-256' },
  'P-384': { name: 'secp384r1', hash: 'SHA-384' },
} as const
export type Curve = keyof typeof CURVES

const DAYS = 3650
const LONGEST_FILE = 16 * 1024

export interface Root {
  /** DER. */
  readonly certificate: Uint8Array
  readonly signer: Signer
}

const unusable = (path: string, why: string, cause?: unknown): FileError =>
  new FileError(
    'ERR_CARD_FILE',
    `${path} cannot be used: ${why}. Put back a copy, or begin anew in an empty directory.`,
    {
      path,
      cause,
    },
  )

/**
 * The CA of a directory, made there if there is none. If two programs make it at once, one succeeds.
 * @throws FileError; UsageError ERR_USAGE if `curve` differs from that of the existing CA
 */
export async function loadOrMake(directory: Directory, curve?: Curve): Promise<Root> {
  const key = (await loadKey(directory)) ?? (await makeKey(directory, curve ?? 'P-256'))
  const own = (Object.keys(CURVES) as Curve[]).find(
    (name) => CURVES[name].name === key.asymmetricKeyDetails?.namedCurve,
  )
  if (own === undefined) throw unusable(directory.keyFile, 'it holds no key on P-256 or P-384')
  if (curve !== undefined && curve !== own) {
    throw new UsageError('ERR_USAGE', `The CA in ${directory.path} already has its key on ${own}, which stays.`)
  }
  const signer = signerOf(key, own)
  const certificate = (await loadCertificate(directory, key)) ?? (await makeCertificate(directory, key, signer))
  return { certificate, signer }
}

async function loadKey({ files, keyFile }: Directory): Promise<KeyObject | undefined> {
  const content = await files.read(keyFile, LONGEST_FILE)
  if (content === undefined) return undefined
  try {
    return createPrivateKey({ key: Buffer.from(content.buffer, 0, content.length), format: 'pem' })
  } catch {
    // No cause: OpenSSL may quote what it could not read.
    throw unusable(keyFile, 'it holds no private key in PEM')
  } finally {
    wipe(content)
  }
}

async function makeKey(directory: Directory, curve: Curve): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: CURVES[curve].name })
  const content = utf8(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const made = await directory.files.create(directory.keyFile, content).finally(() => wipe(content))
  return made ? privateKey : ((await loadKey(directory)) ?? privateKey)
}

function signerOf(key: KeyObject, curve: Curve): Signer {
  const { hash } = CURVES[curve]
  return {
    publicKey: createPublicKey(key),
    algorithm: { hash, padding: 'pkcs1' },
    sign: async (data) => Uint8Array.from(sign(hash.replace('-', ''), data, key)),
  }
}

async function loadCertificate({ files, certificateFile }: Directory, key: KeyObject): Promise<Uint8Array | undefined> {
  const content = await files.read(certificateFile, LONGEST_FILE)
  if (content === undefined) return undefined
  const certificate = parse(content, certificateFile)
  if (!certificate.checkPrivateKey(key)) throw unusable(certificateFile, 'it is not for the key beside it')
  return Uint8Array.from(certificate.raw)
}

function parse(content: Uint8Array, path: string): X509Certificate {
  try {
    return new X509Certificate(content)
  } catch (cause) {
    throw unusable(path, 'it holds no certificate in PEM', cause)
  }
}

/** The name has a random part: two CAs with the same name would be mistaken for one. */
async function makeCertificate(directory: Directory, key: KeyObject, signer: Signer): Promise<Uint8Array> {
  const name = writeName(['CN', `Laboratory CA ${hex(randomBytes(4))}`], ['O', LABORATORY])
  const spki = spkiOf(signer.publicKey)
  const now = Date.now()
  const certificate = await writeCertificate(
    {
      issuer: name,
      subject: name,
      notBefore: new Date(now - DAY),
      notAfter: new Date(now + DAYS * DAY),
      spki,
      extensions: [
        basicConstraints(true),
        extension('keyUsage', writeUsages(['keyCertSign', 'cRLSign']), true),
        subjectKey(spki),
      ],
    },
    signer,
  )
  const pem = new X509Certificate(certificate).toString()
  const made = await directory.files.create(directory.certificateFile, utf8(pem))
  return (made ? undefined : await loadCertificate(directory, key)) ?? certificate
}
