// Files with a private key to import: PEM, or PKCS#12, which may have certificates too.
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { wipe } from '../bytes.ts'
import { looksLikePkcs12, readPkcs12 } from '../enroll/pkcs12.ts'
import { UsageError } from '../errors.ts'
import { asciiOf } from '../x509/pem.ts'
import type { Context } from './context.ts'
import { readSmall } from './files.ts'
import { TEXT } from './messages.ts'

export interface KeyFile {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** DER; empty if the file has none. */
  readonly certificates: readonly Uint8Array[]
}

/** If the file needs a passphrase, it is asked for, or taken from the next line of the PIN file. */
export async function readKeyFile(context: Context, path: string): Promise<KeyFile> {
  const content = await readSmall(context, path, path)
  try {
    const { privateKey, certificates } = looksLikePkcs12(content)
      ? await fromPkcs12(context, content)
      : { privateKey: await fromPem(context, path, content), certificates: [] }
    return { privateKey, publicKey: createPublicKey(privateKey), certificates }
  } finally {
    wipe(content)
  }
}

const passphraseOf = (context: Context): Promise<Uint8Array> =>
  context.secrets.take({ what: TEXT.what.passphrase, prompt: TEXT.prompt.passphrase, mayBeEmpty: true })

async function fromPkcs12(context: Context, content: Uint8Array) {
  const { privateKey, certificates } = await readPkcs12(content, await passphraseOf(context))
  try {
    return {
      privateKey: createPrivateKey({ key: Buffer.from(privateKey.buffer), format: 'der', type: 'pkcs8' }),
      certificates,
    }
  } finally {
    wipe(privateKey)
  }
}

/** A private key in PEM. */
async function fromPem(context: Context, path: string, content: Uint8Array): Promise<KeyObject> {
  const ascii = asciiOf(content)
  const pem = Buffer.from(ascii.buffer, ascii.byteOffset, ascii.length)
  const passphrase = pem.includes('ENCRYPTED') ? await passphraseOf(context) : undefined
  try {
    return createPrivateKey({
      key: pem,
      format: 'pem',
      ...(passphrase && { passphrase: Buffer.from(passphrase.buffer, passphrase.byteOffset, passphrase.length) }),
    })
  } catch {
    // No cause: OpenSSL may quote what it could not read.
    throw new UsageError('ERR_USAGE', TEXT.error.notPrivateKey(path))
  } finally {
    wipe(ascii)
  }
}
