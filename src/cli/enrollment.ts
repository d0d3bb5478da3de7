// An enrolment in words and as JSON: its progress, its result, and what is due.

import { clock, day } from '../dates.ts'
import type { OnBehalfOf } from '../enroll/agent.ts'
import type { EnrollEvent, EnrollResult } from '../enroll/enroll-options.ts'
import type { AbandonedEnrollment } from '../enroll/enrollments.ts'
import { type CaWishes, chosenCa } from './ca.ts'
import { certificateJson, contentOf, verdictText } from './certificates.ts'
import { type Context, given } from './context.ts'
import { TEXT } from './messages.ts'
import type { Json } from './output.ts'

interface EnrollmentWishes extends CaWishes {
  readonly onBehalfOf?: OnBehalfOf | undefined
}

/** The options of an enrolment, besides its slot. @throws UsageError ERR_USAGE */
export async function enrollOptions(context: Context, wishes: EnrollmentWishes = {}) {
  const { options = context.options } = wishes
  const { out } = context
  const { ca, trust } = await chosenCa(context, wishes)
  const { algorithm, pinPolicy, friendlyName, template, hash, padding } = options
  return {
    ...{
      ca,
      ...contentOf({ options }),
      ...given({ trust, onBehalfOf: wishes.onBehalfOf, algorithm, pinPolicy, friendlyName, template, hash, padding }),
    },
    force: options.yes === true,
    overwrite: options.yes === true,
    wait: (options.wait ?? 0) * 60,
    onEvent(event: EnrollEvent): void {
      // While the CA decides, which may take hours, no secret is kept.
      if (event.step === 'wait') {
        context.secrets.drop()
        context.showTyping()
      }
      void out.note(eventText(event))
    },
  }
}

function eventText(event: EnrollEvent): string {
  const { events } = TEXT.enrollment
  switch (event.step) {
    case 'resume':
      return events.resume(clock(event.started))
    case 'key':
      return events.key(event.slot, event.algorithm)
    case 'submit':
      return events.submit(event.ca)
    case 'wait':
      return events.wait(event.id, clock(event.until))
    case 'check':
      return events.check(event.certificate.subject)
    case 'store':
      return events.store(event.slot, event.retiredTo)
    default:
      return events[event.step]
  }
}

export function resultJson(result: EnrollResult): Json {
  const { state, slot } = result
  if (result.state === 'pending') return { state, slot, id: result.id, askAfter: result.askAfter.toISOString() }
  const programs = result.programs.map((one) => ({ ...one }))
  return { state, slot, ...certificateJson(result.certificate), chain: result.chain.length, programs }
}

export function resultText(result: EnrollResult): string {
  const { enrollment } = TEXT
  if (result.state === 'pending') return enrollment.pending(result.id, clock(result.askAfter))
  const { subject, notAfter } = result.description
  return [enrollment.enrolled(result.slot, subject, day(notAfter)), ...verdictText(result.programs)].join('\n')
}

/** An enrolment may have come so far that it was finished instead. */
export function abandonedJson(slot: string, found: AbandonedEnrollment | undefined): Json {
  const { finished = false, keyLeft = false, id = null } = found ?? {}
  return { abandoned: found === undefined || finished ? null : slot, finished, keyLeft, id }
}

export function abandonedText(slot: string, found: AbandonedEnrollment | undefined): string {
  const { enrollment } = TEXT
  if (found === undefined) return enrollment.nothing(slot)
  if (found.damaged) return enrollment.abandonedDamaged(slot)
  if (found.finished) return enrollment.finished(slot)
  const { keyLeft, step, ca = '', id } = found
  const atCa = step === 'sent' || step === 'pending' ? ` ${enrollment.leftAtCa(ca, id)}` : ''
  return `${enrollment[keyLeft ? 'abandonedKey' : 'abandoned'](slot)}${atCa}`
}
