import { abandonEnrollment, enroll } from '../../enroll/enrollments.ts'
import { parseSlot } from '../../piv/slots.ts'
import { cardAgent } from '../../tls/agent.ts'
import { caUrl } from '../ca.ts'
import { type Context, confirm, given, type Run } from '../context.ts'
import { abandonedJson, enrollOptions, resultJson, resultText } from '../enrollment.ts'
import { EXIT } from '../exit.ts'
import { TEXT } from '../messages.ts'
import { standingRights, withCard } from '../select.ts'

export const run: Run = async (context, slotName?: string) => {
  const { options, out, signal } = context
  const slot = parseSlot(slotName ?? '9a')
  if (options.abandon) return giveUp(context, slot)
  caUrl(options)
  const { renew, keepOld, key, byCertificate } = options
  return withCard(context, async (card) => {
    const { use, authorize } = standingRights(context, card)
    const { pin: onPin, minTriesLeft } = use
    const agent = byCertificate ? await cardAgent(card, slot, { onPin, ...given({ minTriesLeft }) }) : undefined
    try {
      const wanted = await enrollOptions(context, agent)
      const result = await enroll(card, {
        ...{ ...wanted, slot, signal, ...given({ renew, keepOld, key }), ...use, authorize },
      })
      await out.done(resultJson(result), resultText(result))
      return result.state === 'pending' ? EXIT.pending : EXIT.ok
    } finally {
      agent?.destroy()
    }
  })
}

function giveUp(context: Context, slot: string) {
  const { out } = context
  return withCard(context, async (card) => {
    await confirm(context, TEXT.enrollment.abandon(slot))
    const { authorize } = standingRights(context, card)
    const found = await abandonEnrollment(card, slot, { authorize })
    const gone = found?.keyLeft ? 'abandonedKey' : 'abandoned'
    const words = found === undefined ? 'nothing' : found.finished ? 'finished' : gone
    await out.done(abandonedJson(slot, found), TEXT.enrollment[words](slot))
    return EXIT.ok
  })
}
