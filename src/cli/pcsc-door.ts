// Cards on sockets for programs of this user, as commands open them: one for PC/SC and, beside it, one for PKCS #11.
import { dirname, join } from 'node:path'
import { cardInfo } from '../cards/index.ts'
import { type ServedPcsc, servePcsc } from '../serve/serve-pcsc.ts'
import { type ServedPkcs11, servePkcs11 } from '../serve/serve-pkcs11.ts'
import { type Context, given } from './context.ts'
import { warningsOf } from './describe.ts'

export interface OpenDoors extends Omit<ServedPcsc, 'env'> {
  readonly env: ServedPcsc['env'] & ServedPkcs11['env']
}

/** @param socket where; in the usual place unless given. @throws as `servePcsc` and `servePkcs11` */
export async function openPcscDoor(context: Context, names: readonly string[], socket?: string): Promise<OpenDoors> {
  const { out, options, signal } = context
  for (const name of names) {
    for (const warning of warningsOf(await cardInfo(name))) await out.warn(`${name}: ${warning}`)
  }
  const common = {
    ...given({ tcti: options.tcti, unlockMinutes: options.serveUnlockFor }),
    onTrouble: (error: unknown) => void out.error(error),
    onRefused: (error: Error) => void out.warn(error.message),
  }
  const onWarning = (text: string) => void out.warn(text)
  const pcsc = await servePcsc(names, { ...common, ...given({ socket }), signal, onWarning })
  try {
    const beside = join(dirname(pcsc.socket), 'pkcs11')
    const pkcs11 = await servePkcs11(names, { ...common, socket: beside })
    const close = async () => void (await Promise.all([pcsc.close(), pkcs11.close()]))
    return { ...pcsc, env: { ...pcsc.env, ...pkcs11.env }, close }
  } catch (error) {
    await pcsc.close()
    throw error
  }
}
