import { cardLab } from '../../testing/index.ts'
import { runProgram } from '../child.ts'
import type { Run } from '../context.ts'

export const run: Run = async ({ options }, ...words) => {
  const [program = '', ...args] = words
  const tpm = options.swtpm === true ? 'swtpm' : 'embedded'
  const lab = await cardLab({
    tpm,
    ca: true,
    cards: [{ name: options.card ?? 'work', certificate: 'smartcard-logon' }],
  })
  try {
    return await runProgram(program, args, { ...process.env, ...lab.env, TESSERA_PIN: lab.card().pin })
  } finally {
    await lab.close()
  }
}
