// A mechanism and its input as one use of a key.
import { copyOf } from '../../bytes.ts'
import { DER } from '../../iso7816/der.ts'
import { ifWellFormed, unwrap } from '../../iso7816/tlv.ts'
import { CARD_ALGORITHMS } from '../../piv/algorithms.ts'
import { paddedBlock } from '../../piv/emsa.ts'
import { unpadPkcs1Implicitly } from '../../piv/host/implicit-rejection.ts'
import type { KeyInfo } from '../../piv/host/key-info.ts'
import { agreement, type Operation, rsaDecryption, signing } from '../../piv/host/keys.ts'
import { unpadOaep } from '../../piv/host/padding.ts'
import { toKeyObject } from '../../piv/public-key.ts'
import { CkrError } from './codes.ts'
import type { ChosenMechanism } from './mechanisms.ts'

/** `digest`: of the message where the mechanism hashes, else what the program gave. @throws CkrError */
export function signature({ kind, padding, hash, parameters }: ChosenMechanism, digest: Uint8Array): Operation {
  if (kind === 'ec') return signing(digest, { hash: 'SHA-256', format: 'raw', padding: 'pkcs1' })
  if (padding === 'pkcs1' && hash !== undefined) return signing(digest, { hash, format: 'der', padding })
  if (padding === 'pkcs1') return blockSignature(digest)
  const pss = parameters !== undefined && 'pss' in parameters ? parameters.pss : undefined
  if (pss === undefined || (hash !== undefined && hash !== pss.hash)) throw new CkrError('CKR_MECHANISM_PARAM_INVALID')
  return signing(digest, { ...pss, format: 'der', padding: 'pss' })
}

/** CKM_RSA_PKCS: whatever the program gives is padded, with a DigestInfo or without. */
const blockSignature = (content: Uint8Array): Operation => ({
  ask({ algorithm }) {
    const { octets } = CARD_ALGORITHMS[algorithm]
    if (content.length > octets - 11) throw new CkrError('CKR_DATA_LEN_RANGE')
    return { challenge: paddedBlock(octets, content) }
  },
  read: (response) => response.slice(),
})

/** PKCS #1 v1.5 with implicit rejection: a wrong padding gives a text that nobody can tell from a right one. */
export function decryption({ parameters }: ChosenMechanism, ciphertext: Uint8Array): Operation {
  const oaep = parameters !== undefined && 'oaep' in parameters ? parameters.oaep : undefined
  return rsaDecryption(ciphertext, (block) =>
    oaep === undefined ? unpadPkcs1Implicitly(block, ciphertext) : unpadOaep(block, oaep.hash, oaep.label),
  )
}

/** @throws CkrError CKR_MECHANISM_PARAM_INVALID where the other side's key is no point of the curve */
export function derivation({ parameters }: ChosenMechanism, { algorithm }: KeyInfo): Operation {
  const peer = parameters !== undefined && 'peer' in parameters ? parameters.peer : new Uint8Array(0)
  const { octets } = CARD_ALGORITHMS[algorithm]
  // Programs write the point itself, or in an OCTET STRING.
  const point = peer.length === 2 * octets + 1 ? peer : ifWellFormed(() => unwrap(peer, DER.octetString))
  const key = point?.length === 2 * octets + 1 ? ifWellFormed(() => toKeyObject({ point: copyOf(point) })) : undefined
  if (key === undefined) throw new CkrError('CKR_MECHANISM_PARAM_INVALID')
  return agreement(key)
}

/** Octets of the result; of a decryption, at most. */
export function resultLength({ algorithm }: KeyInfo): number {
  const { kind, octets } = CARD_ALGORITHMS[algorithm]
  return kind === 'ec' ? 2 * octets : octets
}
