// Where a Unix socket may be: in a folder that only its user can enter.
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FileError, UsageError } from '../errors.ts'
import { fileError } from '../files/faults.ts'
import { absent } from '../files/steps.ts'

/** Longest path of a Unix socket in octets: sun_path without its NUL (unix(7)). */
const LONGEST_PATH = 107

/**
 * @param shorten what makes the path shorter, as an instruction
 * @throws UsageError ERR_USAGE for a path that no socket can have; FileError ERR_IO if other users have access to its folder
 */
export async function checkSocketPath(path: string, shorten: string): Promise<void> {
  const length = Buffer.byteLength(path)
  if (length <= LONGEST_PATH) return assertPrivate(dirname(path))
  const message = `The path of the socket would have ${length} octets, and ${LONGEST_PATH} is the most: ${path}. ${shorten}`
  throw new UsageError('ERR_USAGE', message)
}

/** Makes the folder of a socket, private, where there is none. @throws as `checkSocketPath` */
export async function makeSocketFolder(path: string, shorten: string): Promise<void> {
  await checkSocketPath(path, shorten)
  const folder = dirname(path)
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw fileError(cause, 'make', folder)
  })
  // Somebody else may have made it meanwhile.
  await assertPrivate(folder)
}

/** A folder that is not there has no others in it. @throws FileError ERR_IO */
export async function assertPrivate(folder: string): Promise<void> {
  const found = await stat(folder)
    .catch(absent(undefined))
    .catch((cause: unknown) => {
      throw fileError(cause, 'read', folder)
    })
  if (found === undefined) return
  const { mode, uid } = found
  if ((mode & 0o077) === 0 && uid === process.getuid?.()) return
  const inShell = folder.replaceAll("'", "'\\''")
  const message = `Other users can reach ${folder}, which is for sockets. Make it private: chmod 700 '${inShell}'.`
  throw new FileError('ERR_IO', message, { path: folder })
}
