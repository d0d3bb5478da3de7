// File errors in words: errno to FileError.
import { FileError, isError } from '../errors.ts'

export type FileAction = keyof typeof DONE

interface Fault {
  readonly code: 'ERR_DISK_FULL' | 'ERR_CARD_READ_ONLY' | 'ERR_IO'
  readonly why: string
  readonly advice: string
}

const full = (why: string): Fault => ({ code: 'ERR_DISK_FULL', why, advice: 'Free some space and try again.' })

const denied: Fault = {
  code: 'ERR_CARD_READ_ONLY',
  why: 'no permission to change it',
  advice: 'Check who owns the file and its folder, or run as that user. Using the card needs no write access.',
}

const FAULTS: Readonly<Record<string, Fault>> = {
  ENOSPC: full('the disk is full'),
  EDQUOT: full('the disk quota is used up'),
  EFBIG: full('a limit on file sizes is reached'),
  EACCES: denied,
  EPERM: denied,
  EROFS: { ...denied, why: 'the file system is mounted read-only' },
  ENOENT: { code: 'ERR_IO', why: 'a part of the path is not there', advice: 'Check the path.' },
  ENOTDIR: { code: 'ERR_IO', why: 'a part of the path is not a folder', advice: 'Check the path.' },
  ELOOP: { code: 'ERR_IO', why: 'it is a symbolic link', advice: 'Put the file itself there.' },
  EMFILE: { code: 'ERR_IO', why: 'too many files are open', advice: 'Raise the limit (ulimit -n) and try again.' },
}

const unreadable: Fault = {
  code: 'ERR_IO',
  why: 'no permission to read it',
  advice: 'Check who owns the file and its folder, or run as that user.',
}

const unmade: Fault = {
  code: 'ERR_CARD_READ_ONLY',
  why: 'nothing may be written there',
  advice: 'Check who owns the folder above it, or choose another one: TESSERA_HOME.',
}

/** The words for a missing permission, for actions other than a change. */
const DENIED: { readonly [Action in FileAction]?: Fault } = { read: unreadable, make: unmade }

/** The addon's reasons for a lock file that cannot be made or opened (native/common/failure.h). */
const REASONS: Readonly<Record<string, string>> = { permission: 'EACCES', full: 'ENOSPC' }

/** The errno name of a system error from Node or the addon, or an empty string. */
export function errnoOf(cause: unknown): string {
  if (!isError(cause)) return ''
  const { code, reason } = cause as { readonly code?: unknown; readonly reason?: unknown }
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code
  return (typeof reason === 'string' && REASONS[reason]) || ''
}

const DONE = {
  read: 'could not be read',
  write: 'could not be written, what was there before is unchanged',
  flush: 'was replaced, but the disk does not confirm it',
  remove: 'could not be removed',
  make: 'could not be made',
  lock: 'could not be locked for a change',
} as const

/** The FileError for a failed `action` on `path`. A FileError passes unchanged. */
export function fileError(cause: unknown, action: FileAction, path: string): FileError {
  if (cause instanceof FileError) return cause
  const errno = errnoOf(cause)
  const known = FAULTS[errno]
  const fault = (known?.code === denied.code ? DENIED[action] : undefined) ??
    known ?? {
      code: 'ERR_IO',
      why: isError(cause) ? cause.message : 'the system refused it',
      advice: 'Check the disk and try again.',
    }
  const name = errno === '' || known === undefined ? '' : ` (${errno})`
  return new FileError(fault.code, `${path} ${DONE[action]}: ${fault.why}${name}. ${fault.advice}`, { cause, path })
}
