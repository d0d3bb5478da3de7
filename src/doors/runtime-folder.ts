// Where the sockets of doors are.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { FileError, isError } from '../errors.ts'
import { Home } from '../home/home.ts'
import { makeSocketFolder } from '../home/socket-path.ts'

type Environment = Readonly<Record<string, string | undefined>>

const SOCKET = 'pcsc'

/** `$XDG_RUNTIME_DIR/tessera`, which is gone when the user is (XDG Base Directory Specification). */
function runtimeFolder({ XDG_RUNTIME_DIR: runtime }: Environment): string | undefined {
  return runtime && isAbsolute(runtime) ? join(runtime, 'tessera') : undefined
}

/** Where cards are served; beside the cards where the system has no place for sockets. */
export const servedSocket = (home?: string, environment: Environment = process.env, name = SOCKET): string =>
  join(runtimeFolder(environment) ?? join(new Home(home).run, 'doors'), name)

/** A path in a new folder of its own, to be removed with it. @throws FileError */
export async function newRunSocket(environment: Environment = process.env): Promise<string> {
  const runtime = runtimeFolder(environment)
  const beside = join(runtime ?? tmpdir(), 'run-')
  if (runtime !== undefined) await makeSocketFolder(beside, 'Use a shorter XDG_RUNTIME_DIR.')
  try {
    return join(await mkdtemp(runtime === undefined ? join(tmpdir(), 'tessera-run-') : beside), SOCKET)
  } catch (cause) {
    const why = isError(cause) ? cause.message : 'the system refused it'
    throw new FileError('ERR_IO', `No folder for a socket could be made: ${why}. Check the disk and try again.`, {
      cause,
      path: beside,
    })
  }
}
