// A program in a lab of its own: a card in a TPM, and the doors to it, which are gone after it.
import { CardError, UsageError } from '../errors.ts'
import { type CardLabOptions, cardLab, type LabCard, type LabCertificate } from '../testing/index.ts'
import { runProgram } from './child.ts'
import { type Context, given } from './context.ts'
import type { PassedOn } from './exit.ts'
import { TEXT } from './messages.ts'
import { READER } from './select.ts'

export type LabKind = Pick<CardLabOptions, 'tpm' | 'ca'> & {
  readonly certificate: LabCertificate
  /** Called when the card is there. */
  readonly made?: (card: LabCard) => Promise<void>
}

/**
 * The PIN of the card protects nothing that outlives the program, which gets it as TESSERA_PIN.
 * @throws UsageError ERR_USAGE; CardError ERR_NOT_SUPPORTED; as `cardLab`
 */
export async function runInLab(
  { options }: Context,
  [program = '', ...args]: readonly string[],
  { certificate, made, ...kind }: LabKind,
): Promise<PassedOn> {
  const { card: name = 'work', tcti = EMBEDDED, serveUnlockFor: unlockMinutes } = options
  if (name.startsWith(READER)) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
  if (tcti !== EMBEDDED) throw new UsageError('ERR_USAGE', TEXT.error.labTcti)
  const lab = await cardLab({ ...kind, cards: [{ name, certificate, ...given({ unlockMinutes }) }] })
  try {
    await made?.(lab.card())
    return await runProgram(program, args, { ...process.env, ...lab.env, TESSERA_PIN: lab.card().pin })
  } finally {
    await lab.close()
  }
}
const EMBEDDED = 'embedded:'
