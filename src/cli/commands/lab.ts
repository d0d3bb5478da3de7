import type { Run } from '../context.ts'
import { runInLab } from '../in-lab.ts'

export const run: Run = (context, ...words) => {
  const tpm = context.options.swtpm === true ? 'swtpm' : 'embedded'
  return runInLab(context, words, { tpm, ca: true, certificate: 'smartcard-logon' })
}
