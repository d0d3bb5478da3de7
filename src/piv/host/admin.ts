// Mutual authentication with the admin key (9B). SP 800-73-5 part 2, appendix A.1.3.

import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import { wipe } from '../../bytes.ts'
import { PinError, UsageError } from '../../errors.ts'
import { SW } from '../../iso7816/status.ts'
import { ADMIN_ALGORITHMS, type AdminAlgorithm } from '../algorithms.ts'
import { ADMIN_KEY } from '../slots.ts'
import { ASKED, type Authentication, readAuthenticationAnswer, writeAuthentication } from '../templates.ts'
import type { Exchange } from './exchange.ts'
import { refusal } from './refusals.ts'
import { wellFormed } from './well-formed.ts'

/** An admin key: AES by its length, unless `algorithm` says 3DES. */
export type AdminKey = Uint8Array | { readonly key: Uint8Array; readonly algorithm: AdminAlgorithm }

const INS = 0x87

/** The algorithm of a key by its length; 24 octets are AES-192. @throws UsageError ERR_USAGE */
export function adminAlgorithmOf(given: AdminKey): { readonly key: Uint8Array; readonly algorithm: AdminAlgorithm } {
  if (!isUint8Array(given)) {
    const length = ADMIN_ALGORITHMS[given.algorithm].key
    if (given.key.length === length) return given
    throw new UsageError('ERR_USAGE', `An admin key of ${given.algorithm} has ${length} octets.`)
  }
  const found = (Object.keys(ADMIN_ALGORITHMS) as AdminAlgorithm[]).find(
    (name) => name !== '3DES' && ADMIN_ALGORITHMS[name].key === given.length,
  )
  if (found !== undefined) return { key: given, algorithm: found }
  throw new UsageError('ERR_USAGE', 'An admin key has 16, 24 or 32 octets (AES-128, AES-192, AES-256).')
}

/** The card proves itself too: a card that answers with another key is not ours. @throws PinError ERR_ADMIN_WRONG */
export async function authenticateAdmin(exchange: Exchange, given: AdminKey): Promise<void> {
  const { key, algorithm } = adminAlgorithmOf(given)
  const { id, cipher, block } = ADMIN_ALGORITHMS[algorithm]
  const send = async (items: Authentication) => {
    const data = writeAuthentication(items)
    const answer = await exchange.send({ ins: INS, p1: id, p2: ADMIN_KEY, data, answer: true })
    if (answer.sw !== SW.OK) throw refusal('authenticateAdmin', answer)
    return wellFormed(() => readAuthenticationAnswer(answer.data))
  }
  const run = (context: ReturnType<typeof createCipheriv>, octets: Uint8Array) => {
    context.setAutoPadding(false)
    return Uint8Array.from(Buffer.concat([context.update(octets), context.final()]))
  }
  const hidden = (await send({ witness: ASKED })).witness
  if (hidden?.length !== block) throw strange()
  const witness = run(createDecipheriv(cipher, key, null), hidden)
  const challenge = Uint8Array.from(randomBytes(block))
  const expected = run(createCipheriv(cipher, key, null), challenge)
  const { response } = await send({ witness, challenge })
  const right = response?.length === block && timingSafeEqual(response, expected)
  wipe(witness, expected)
  if (!right) throw strange()
}

const strange = () =>
  new PinError(
    'ERR_ADMIN_WRONG',
    'The card does not prove that it has this admin key. It may be another card than you think.',
  )
