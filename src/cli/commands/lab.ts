import type { ChipName } from '../../testing/index.ts'
import type { Run } from '../context.ts'
import { runInLab } from '../in-lab.ts'

export const run: Run = (context, ...words) => {
  const { swtpm, simulate } = context.options
  const software = swtpm === true ? 'swtpm' : 'embedded'
  const tpm = simulate === undefined ? software : { simulate: simulate as ChipName }
  return runInLab(context, words, { tpm, ca: true, certificate: 'smartcard-logon' })
}
