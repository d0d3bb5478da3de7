import { PinError } from '../../errors.ts'
import type { Card } from '../../piv/host/card.ts'
import { parseResponse } from '../../tpm/help-desk.ts'
import type { Context, Run } from '../context.ts'
import { pinJson } from '../describe.ts'
import { readLine } from '../files.ts'
import { TEXT } from '../messages.ts'
import { newPinOf, takePuk } from '../pin.ts'
import { withCard } from '../select.ts'

export const run: Run = (context) =>
  withCard(context, async (card) => {
    if (context.options.helpDesk) await byHelpDesk(context, card)
    else await byPuk(context, card)
    const status = await card.pinStatus()
    await context.out.done(pinJson(card.name, status), TEXT.done.unblocked(status.triesLeft))
  })

async function byPuk(context: Context, card: Card): Promise<void> {
  const puk = await takePuk(context, card)
  await card.unblockPin({ puk, newPin: await context.secrets.takeNew(newPinOf(card)) })
}

/** The challenge lives in the TPM session of this process, so this process waits for the response. */
async function byHelpDesk(context: Context, card: Card): Promise<void> {
  const challenge = await card.unblockChallenge()
  await context.out.note(TEXT.helpDesk.challenge)
  await context.out.aside({ challenge }, challenge)
  const response = await readResponse(context)
  await card.unblockWithResponse({ response, newPin: await context.secrets.takeNew(newPinOf(card)) })
}

/** Misread characters are found here and asked for again: a response sent to the card would use the challenge up. */
async function readResponse(context: Context): Promise<string> {
  const { prompt, what, error } = TEXT
  const terminal = context.terminal()
  for (;;) {
    const response = await readLine(context, prompt.response, what.response)
    if (!response) throw new PinError('ERR_PIN_REQUIRED', error.nothingEntered(what.response))
    try {
      parseResponse(response)
      return response
    } catch (misread) {
      if (terminal === undefined || !(misread instanceof PinError)) throw misread
      terminal.say(`${misread.message}\n`)
    }
  }
}
