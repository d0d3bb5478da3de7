import { constants, createVerify } from 'node:crypto'
import { UsageError } from '../../errors.ts'
import { CARD_ALGORITHMS, parseHash } from '../../piv/algorithms.ts'
import { PSS } from '../../x509/pss.ts'
import type { Context, Run } from '../context.ts'
import { EXIT } from '../exit.ts'
import { readSmall, readStream } from '../files.ts'
import { TEXT } from '../messages.ts'
import { keyOnFile } from '../slots.ts'

export const run: Run = async (context, slotName, file, signatureFile) => {
  const { options, out } = context
  const hash = parseHash(options.hash ?? 'SHA-256')
  if (file === '-' && signatureFile === '-') throw new UsageError('ERR_USAGE', TEXT.error.stdinTwice('FILE', 'SIG'))
  const key = await keyOnFile(context, slotName)
  const signature = await readSmall(context, signatureFile, 'SIG')
  const verifier = createVerify(hash.replace('-', ''))
  for await (const chunk of await readStream(context, file, 'FILE')) verifier.update(chunk)
  const valid = verifier.verify(
    { key: key.publicKey, ...variant(context, CARD_ALGORITHMS[key.algorithm].kind) },
    signature,
  )
  const result = { slot: key.slot, algorithm: key.algorithm, hash, valid }
  await out.done(result, valid ? TEXT.done.verified : TEXT.done.notVerified)
  return valid ? EXIT.ok : EXIT.failure
}

/**
 * --signature-format and --padding in Node's terms. PSS salts are as long as the hash (RFC 8017, 9.1), as in `sign`.
 */
function variant(context: Context, kind: 'ec' | 'rsa') {
  const { signatureFormat, padding } = context.options
  if (kind === 'ec') return { dsaEncoding: signatureFormat === 'raw' ? 'ieee-p1363' : 'der' } as const
  if (padding !== 'pss') return { padding: constants.RSA_PKCS1_PADDING }
  return PSS
}
