import { cardIdOf } from '../../enroll/identity.ts'
import { rememberedCa } from '../../enroll/remembered-ca.ts'
import { UsageError } from '../../errors.ts'
import { parseSlot, type Slot } from '../../piv/slots.ts'
import { explicitTcti } from '../../tpm/tcti.ts'
import { certificateIn } from '../certificates.ts'
import type { Context, Run } from '../context.ts'
import { chosenName, dueOf, listedCertificates } from '../due.ts'
import { EXIT } from '../exit.ts'
import { forgetFailuresOf } from '../failed-renewals.ts'
import { keptSecret } from '../kept-secret.ts'
import { isInReader, standingRights } from '../management.ts'
import { TEXT } from '../messages.ts'
import { unlock } from '../pin.ts'
import { plain } from '../plain.ts'
import { installTimer, removeTimer, systemdRuns, unitOf } from '../renewal-timer.ts'
import { withCard } from '../select.ts'

export const run: Run = async (context, slotName?: string) => {
  const { installTimer: install, removeTimer: remove } = context.options
  if (install && remove) throw new UsageError('ERR_USAGE', TEXT.timer.both)
  const slot = slotName === undefined ? undefined : parseSlot(slotName)
  if (install) return installFor(context, slot ?? parseSlot('9a'))
  if (remove) return removeFor(context, slot ?? '9a')
  const certificates = (await listedCertificates(context, slot)).map((one) => dueOf(one, context.options.within))
  const due = certificates.filter((one) => one.due)
  const lines = due.map(({ slot, subject, daysLeft }) =>
    subject === null || daysLeft === null
      ? `${slot}  ${TEXT.field.damaged}`
      : TEXT.enrollment.due(slot, plain(subject), daysLeft),
  )
  await context.out.done({ due: due.length > 0, certificates }, lines.join('\n') || TEXT.enrollment.notDue)
  return due.length > 0 ? EXIT.ok : EXIT.failure
}

/**
 * Checks the card, its PIN, and that a CA is remembered now, while somebody is there: a wrong PIN would cost a try each day.
 * The CA is not contacted, and the password is not tried.
 */
async function installFor(context: Context, slot: Slot) {
  const { options, out, secrets } = context
  const { pinFile, passwordFile, adminKeyFile, within } = options
  const card = await chosenName(context)
  if (pinFile === undefined) throw new UsageError('ERR_USAGE', TEXT.timer.needsPinFile)
  const kept = [
    ...['--pin-file', await keptSecret(pinFile, '--pin-file')],
    ...(passwordFile === undefined ? [] : ['--password-file', await keptSecret(passwordFile, '--password-file')]),
    ...(adminKeyFile === undefined ? [] : ['--admin-key-file', await keptSecret(adminKeyFile, '--admin-key-file')]),
  ]
  const meant = await withCard(context, async (open) => {
    await certificateIn(open, slot)
    const ca = await rememberedCa(open, slot)
    if (ca === undefined) throw new UsageError('ERR_USAGE', TEXT.timer.noCa(slot))
    if (passwordFile !== undefined)
      await secrets.fromFile(passwordFile, '--password-file', TEXT.enrollment.passwordWhat)
    else if (ca.login === 'password') throw new UsageError('ERR_USAGE', TEXT.timer.needsPassword(ca.url))
    if (!isInReader(open)) return unlock(context, open)
    if (adminKeyFile === undefined) throw new UsageError('ERR_USAGE', TEXT.timer.needsAdminKeyFile)
    await standingRights(context, open).authorize()
    await unlock(context, open)
    if ((await open.adminKeyInfo())?.isDefault) await out.warn(TEXT.warn.defaults.adminKey(open.name))
    return cardIdOf(open)
  })
  // Written down: the service starts without the environment of this process.
  const tcti = explicitTcti(options.tcti)
  const { service, timer } = await installTimer({
    ...{ card, slot },
    options: [
      ...(meant === undefined ? [] : ['--card-id', meant]),
      ...kept,
      ...(within === undefined ? [] : ['--within', String(within)]),
      ...(tcti === undefined ? [] : ['--tcti', tcti]),
    ],
  })
  await out.done({ installed: [service, timer] }, TEXT.timer.installed(card, slot, unitOf({ card, slot })))
  if (!(await systemdRuns())) await out.warn(TEXT.timer.noSystemd)
  return EXIT.ok
}

async function removeFor(context: Context, slot: string) {
  const place = { card: context.options.card ?? (await chosenName(context)), slot }
  const removed = await removeTimer(place)
  await forgetFailuresOf(place.card, slot)
  if (removed.length === 0) throw new UsageError('ERR_USAGE', TEXT.timer.none(place.card, slot))
  await context.out.done({ removed }, TEXT.timer.removed(place.card, slot, unitOf(place)))
  return EXIT.ok
}
