// Files of secrets that stay on disk, for a command that runs later and unwatched.
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { TEXT } from './messages.ts'
import { permissionsOf, unreadable } from './secret-file.ts'

/** Names that mean something else, or nothing, in another process, even where they name a file here. */
const OF_THIS_PROCESS = /^\/(dev\/(std(in|out|err)$|fd\/)|proc\/)/

/**
 * Returns the absolute path of a file that another process can read later, and no other user.
 * @throws UsageError ERR_USAGE for standard input, a pipe, or a file that others can read or write; FileError ERR_IO
 */
export async function keptSecret(path: string, option: string): Promise<string> {
  const whole = resolve(path)
  if (path === '-' || OF_THIS_PROCESS.test(whole)) throw new UsageError('ERR_USAGE', TEXT.timer.notKept(option))
  const found = await stat(whole).catch((error: unknown) => {
    throw unreadable(option, error)
  })
  if (!found.isFile()) throw new UsageError('ERR_USAGE', TEXT.timer.notKept(option))
  if ((found.mode & 0o077) === 0) return whole
  throw new UsageError('ERR_USAGE', TEXT.timer.notPrivate(option, permissionsOf(found.mode)))
}
