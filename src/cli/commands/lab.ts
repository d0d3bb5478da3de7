import { CardError } from '../../errors.ts'
import { cardLab } from '../../testing/index.ts'
import { runProgram } from '../child.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { READER } from '../select.ts'

export const run: Run = async ({ options }, ...words) => {
  const [program = '', ...args] = words
  const { card: name = 'work', swtpm } = options
  if (name.startsWith(READER)) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
  const tpm = swtpm === true ? 'swtpm' : 'embedded'
  const lab = await cardLab({ tpm, ca: true, cards: [{ name, certificate: 'smartcard-logon' }] })
  try {
    return await runProgram(program, args, { ...process.env, ...lab.env, TESSERA_PIN: lab.card().pin })
  } finally {
    await lab.close()
  }
}
