// Signatures checked by others: node:crypto and the openssl program.
import { execFileSync } from 'node:child_process'
import { constants, type KeyObject, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { SignatureOptions } from '../../src/index.ts'
import { tempDir } from '../support/temp.ts'

const folder = tempDir('verify')
let files = 0

function file(content: Uint8Array | string): string {
  files += 1
  const path = join(folder, String(files))
  writeFileSync(path, content)
  return path
}

const pemOf = (key: KeyObject): string => file(key.export({ type: 'spki', format: 'pem' }))
const openssl = (...words: string[]): string => execFileSync('openssl', words, { stdio: 'pipe' }).toString()

/** Fails unless both node:crypto and openssl find that `key` signed `data` in this way. */
export function assertSigned(
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  options: SignatureOptions = {},
): void {
  const hash = (options.hash ?? 'SHA-256').replace('-', '').toLowerCase()
  const rsa = key.asymmetricKeyType === 'rsa'
  const pss = rsa && options.padding === 'pss'
  const how = {
    key,
    dsaEncoding: options.format === 'raw' ? ('ieee-p1363' as const) : ('der' as const),
    ...(pss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}),
  }
  const what = `${rsa ? key.asymmetricKeyDetails?.modulusLength : key.asymmetricKeyDetails?.namedCurve} ${JSON.stringify(options)}`
  assert.ok(verify(hash, data, how, signature), `node:crypto: ${what}`)
  assert.not(
    verify(
      hash,
      data,
      how,
      signature.map((octet, at) => (at === signature.length - 1 ? octet ^ 1 : octet)),
    ),
    what,
  )
  if (options.format === 'raw') return
  const padding = pss ? ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'] : []
  const words = ['dgst', `-${hash}`, '-verify', pemOf(key), ...padding, '-signature', file(signature), file(data)]
  assert.match(openssl(...words), 'Verified OK', what)
}

/** Fails unless openssl finds that an EC `key` signed this very digest. */
export function assertSignedDigest(key: KeyObject, digest: Uint8Array, signature: Uint8Array): void {
  const words = ['pkeyutl', '-verify', '-pubin', '-inkey', pemOf(key), '-sigfile', file(signature), '-in', file(digest)]
  assert.match(openssl(...words), 'Signature Verified Successfully')
}
