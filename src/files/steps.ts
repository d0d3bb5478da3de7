// The system calls below `Files`: no other code opens, writes or removes a file of Tessera.
import { constants, type FileHandle, link, lstat, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from './faults.ts'

/** An open file. `read` fills `buffer` from the start of the file and returns the number of octets read. */
export interface Handle {
  facts(): Promise<{ readonly regular: boolean; readonly size: number }>
  read(buffer: Uint8Array): Promise<number>
  write(octets: Uint8Array): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** The system calls that `Files` is made of. They throw Node's system errors. */
export interface FileSteps {
  openRead(path: string): Promise<Handle>
  /** Makes a file with mode 0600; EEXIST if the name is taken, even by a dangling link. */
  openNew(path: string): Promise<Handle>
  rename(from: string, to: string): Promise<void>
  /** Gives a file another name; EEXIST if that name is taken. */
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  exists(path: string): Promise<boolean>
  names(folder: string): Promise<string[]>
  /** Makes `folder` and its missing parents, mode 0700; returns the first folder made. */
  makeFolder(folder: string): Promise<string | undefined>
  syncFolder(folder: string): Promise<void>
}

/** For a rejected promise: `value` if there was no file. */
export function absent<Value>(value: Value): (cause: unknown) => Value {
  return (cause) => {
    if (errnoOf(cause) === 'ENOENT') return value
    throw cause
  }
}

function handleOf(file: FileHandle): Handle {
  return {
    async facts() {
      const stats = await file.stat()
      return { regular: stats.isFile(), size: stats.size }
    },
    async read(buffer) {
      let length = 0
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
        if (bytesRead === 0) break
        length += bytesRead
      }
      return length
    },
    write: (octets) => file.writeFile(octets),
    sync: () => file.datasync(),
    close: () => file.close(),
  }
}

/** Node's recursive mkdir never returns on a file system that takes no new names (/proc, autofs). */
async function makeFolder(folder: string): Promise<string | undefined> {
  const made = await makeOne(folder).catch(absent(undefined))
  if (made !== undefined) return made ? folder : undefined
  const first = dirname(folder) === folder ? undefined : await makeFolder(dirname(folder))
  // Another process may have made it meanwhile.
  return (await makeOne(folder)) ? (first ?? folder) : first
}

/** True if it was made, false if it was there. */
async function makeOne(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 })
    return true
  } catch (cause) {
    if (errnoOf(cause) !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw cause
    return false
  }
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

export const systemSteps: FileSteps = {
  openRead: async (path) => handleOf(await open(path, READ)),
  openNew: async (path) => handleOf(await open(path, NEW, 0o600)),
  rename,
  link,
  unlink,
  exists: (path) => lstat(path).then(() => true, absent(false)),
  names: (folder) => readdir(folder),
  makeFolder,
  async syncFolder(folder) {
    const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await handle.sync()
    } catch (cause) {
      // Some network file systems cannot flush a folder, and there is no other way to do it.
      if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(errnoOf(cause))) throw cause
    } finally {
      await handle.close()
    }
  },
}
