import { hex } from '../../bytes.ts'
import { challengeToSign, respond } from '../../tpm/help-desk.ts'
import { confirm, type Run } from '../context.ts'
import { readKeyFile } from '../key-file.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, challenge) => {
  const { options, out } = context
  const { cardId: id, seconds } = challengeToSign(challenge)
  const cardId = hex(id)
  await out.note(TEXT.helpDesk.about(cardId, seconds / 60))
  if (context.terminal() !== undefined) await confirm(context, TEXT.helpDesk.ask)
  const { privateKey } = await readKeyFile(context, options.privateKey ?? '')
  const response = respond(challenge, privateKey)
  await out.result({ cardId, response }, response)
}
