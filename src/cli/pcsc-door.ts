// Cards on a socket for PC/SC programs, as commands open it.
import { cardInfo } from '../cards/index.ts'
import { type ServedPcsc, servePcsc } from '../serve/serve-pcsc.ts'
import { type Context, given } from './context.ts'
import { warningsOf } from './describe.ts'

/** @param socket where; in the usual place unless given. @throws as `servePcsc` */
export async function openPcscDoor(context: Context, names: readonly string[], socket?: string): Promise<ServedPcsc> {
  const { out, options, signal } = context
  for (const name of names) {
    for (const warning of warningsOf(await cardInfo(name))) await out.warn(`${name}: ${warning}`)
  }
  return servePcsc(names, {
    ...given({ tcti: options.tcti, unlockMinutes: options.serveUnlockFor, socket }),
    signal,
    onTrouble: (error) => void out.error(error),
    onRefused: (error) => void out.warn(error.message),
    onWarning: (text) => void out.warn(text),
  })
}
