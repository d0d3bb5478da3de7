import { LARGEST } from '../../attest/evidence.ts'
import { TPM_MAKER_ROOTS, verdictPage, verifyAttestation, YUBICO_ROOTS } from '../../attest/index.ts'
import { UsageError } from '../../errors.ts'
import { nonceOf } from '../attest.ts'
import { given, type Run } from '../context.ts'
import { EXIT } from '../exit.ts'
import { readWhole } from '../files.ts'
import { TEXT } from '../messages.ts'

/** Octets of a list of revoked certificates. */
const LONGEST_LIST = 16 * 1024 * 1024

export const run: Run = async (context, file) => {
  const { options, out } = context
  const { roots, crl, nonce, tier, makers } = options
  if (roots === undefined && makers === undefined && tier !== 'self')
    throw new UsageError('ERR_USAGE', TEXT.error.noRoots)
  const trusted = roots === undefined ? [] : [await readWhole(context, roots, '--roots', LARGEST)]
  const revocations = crl === undefined ? [] : [await readWhole(context, crl, '--crl', LONGEST_LIST)]
  // One octet more than the largest evidence: the verdict says that it is too large.
  const evidence = await readWhole(context, file, 'FILE', LARGEST + 1)
  const verdict = verifyAttestation(evidence, {
    roots: [...trusted, ...(makers ? [...YUBICO_ROOTS, ...TPM_MAKER_ROOTS] : [])],
    revocations,
    ...given({ nonce: nonceOf(nonce), tier }),
  })
  const { key, device, pin, refusal, proofs, notProved, ...rest } = verdict
  const json = {
    ...rest,
    format: rest.format ?? null,
    refusal: refusal === undefined ? null : { ...refusal },
    key: key === undefined ? null : { ...key, publicKey: Buffer.from(key.publicKey).toString('base64') },
    device: device === undefined ? null : { ...device },
    pin: pin === undefined ? null : { ...pin },
    proofs: proofs.map((proof) => ({ ...proof })),
    notProved: [...notProved],
  }
  await out.result(json, verdictPage(verdict))
  return verdict.accepted ? EXIT.ok : EXIT.failure
}
