// What `validate` goes on with, and the secrets of a card that it asks for.
import { isUint8Array } from 'node:util/types'
import { UsageError } from '../errors.ts'
import { pinBytes, pukBytes } from '../piv/pin.ts'
import type { OwnerSecrets } from '../validate/card/preflight.ts'
import type { Report } from '../validate/report.ts'
import { keptReport } from '../validate/report-folder.ts'
import type { Class } from '../validate/result.ts'
import { adminKeyOf } from './admin-key.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'

/** The report that --resume goes on with. @throws UsageError ERR_USAGE where it is about something else */
export async function reportBefore(
  { options }: Context,
  folder: string,
  classes: readonly Class[],
): Promise<Report | undefined> {
  if (!options.resume) return undefined
  const report = await keptReport(folder)
  if (report !== undefined && report.classes.join() !== classes.join())
    throw new UsageError('ERR_USAGE', TEXT.validate.notResumed(folder))
  return report
}

/** What the classes want to know, from --pin-file or the terminal: PIN, PUK, admin key. */
export async function ownerSecrets(context: Context, classes: readonly Class[]): Promise<OwnerSecrets | undefined> {
  if (classes.every((one) => one === 'N')) return undefined
  const { secrets, options } = context
  const { what, prompt } = TEXT
  const card = options.card ?? ''
  const pin = await secrets.take({ what: what.pin, prompt: prompt.pin(card, undefined), check: pinBytes })
  const wantsPuk = classes.includes('R') || classes.includes('W')
  const puk = wantsPuk
    ? await secrets.take({ what: what.puk, prompt: prompt.puk(card, undefined), check: pukBytes })
    : undefined
  const spelled = classes.includes('W')
    ? await secrets.take({ what: what.adminKey, prompt: prompt.adminKey })
    : undefined
  const key = spelled === undefined ? undefined : adminKeyOf(context, spelled, what.adminKey)
  const adminKey = key === undefined || isUint8Array(key) ? key : key.key
  return { pin: latin1(pin), puk: puk === undefined ? '' : latin1(puk), adminKey }
}

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
