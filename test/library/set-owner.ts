// The owner's password of a TPM, set by somebody else.
import { RH } from '../support/templates.ts'
import { ascii, tpm2b } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import type { Bench } from './bench.ts'

export async function setOwner(bench: Bench, from: string | Uint8Array, to: string | Uint8Array): Promise<void> {
  const octets = (text: string | Uint8Array) => (typeof text === 'string' ? ascii(text) : text)
  const witness = await bench.witness()
  await witness.must('HierarchyChangeAuth', {
    handles: [RH.owner],
    params: tpm2b(octets(to)),
    auths: [password(octets(from))],
  })
  await witness.close()
  bench.proxy?.clear()
}
