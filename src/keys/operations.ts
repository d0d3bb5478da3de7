// A request of OpenSSL as an operation of the card.
import { createPublicKey } from 'node:crypto'
import { UsageError } from '../errors.ts'
import type { NativeKeyRequest } from '../native.ts'
import { OAEP_HASHES, type OaepHash, parseHash } from '../piv/algorithms.ts'
import { unpadPkcs1Implicitly } from '../piv/host/implicit-rejection.ts'
import { agreement, type Operation, rsaDecryption, signing } from '../piv/host/keys.ts'
import { unpadOaep } from '../piv/host/padding.ts'

const OPERATIONS: Readonly<Record<NativeKeyRequest['use'], (request: NativeKeyRequest) => Operation>> = {
  sign({ octets, hash, padding, saltLength }) {
    if (padding === 'pss') return signing(octets, { hash: parseHash(hash), format: 'der', padding, saltLength })
    // ECDSA may be over a digest that OpenSSL did not make: with any hash the signature is the same.
    const name = parseHash(padding === '' && hash === '' ? 'SHA-256' : hash)
    return signing(octets, { hash: name, format: 'der', padding: 'pkcs1' })
  },
  decrypt({ octets, hash, padding, label }) {
    if (padding === 'pkcs1') return rsaDecryption(octets, (block) => unpadPkcs1Implicitly(block, octets))
    const name = parseOaepHash(hash)
    return rsaDecryption(octets, (block) => unpadOaep(block, name, label))
  },
  derive: ({ octets }) => agreement(createPublicKey({ key: Buffer.from(octets), format: 'der', type: 'spki' })),
}

/** @throws UsageError ERR_ALGORITHM */
export const operationOf = (request: NativeKeyRequest): Operation => OPERATIONS[request.use](request)

function parseOaepHash(name: string): OaepHash {
  const known = Object.keys(OAEP_HASHES) as OaepHash[]
  const found = known.find((one) => one === name)
  if (found !== undefined) return found
  throw new UsageError(
    'ERR_ALGORITHM',
    `OAEP with the hash '${name}' is not supported. Use one of ${known.join(', ')}.`,
  )
}
