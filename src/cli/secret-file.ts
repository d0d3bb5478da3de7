// A file of secrets: one secret a line, read once and used line by line, and wiped.
import { open } from 'node:fs/promises'
import { copyOf, wipe } from '../bytes.ts'
import { FileError, UsageError } from '../errors.ts'
import { TEXT } from './messages.ts'

/** Most octets of a file of secrets. */
export const MOST_OCTETS = 4096

/**
 * The secrets in `content`, one a line. CR LF and a byte order mark are accepted; the last line end does not begin a line.
 * Wipes `content`.
 */
export function splitSecrets(content: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  const marked = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf
  let start = marked ? 3 : 0
  while (start < content.length) {
    const found = content.indexOf(0x0a, start)
    const stop = found === -1 ? content.length : found
    const end = stop > start && content[stop - 1] === 0x0d ? stop - 1 : stop
    lines.push(copyOf(content.subarray(start, end)))
    start = stop + 1
  }
  wipe(content)
  return lines
}

interface Content {
  readonly octets: Uint8Array
  /** Whether it can be read again: false for a pipe. */
  readonly lasts: boolean
}

/** A file of secrets, read once and used line by line. */
export class SecretFile {
  readonly #read: () => Promise<Content>
  readonly #option: string
  #lines: readonly Uint8Array[] | undefined
  #lasts = false
  #next = 0
  /** Which line was which secret, before the secrets were dropped. */
  readonly #known = new Map<string, number>()
  #dropped = false

  constructor(read: () => Promise<Content>, option: string) {
    this.#read = read
    this.#option = option
  }

  async take(what: string, mayBeEmpty: boolean): Promise<Uint8Array> {
    this.#lines ??= await this.#open()
    const index = (this.#dropped ? this.#known.get(what) : undefined) ?? this.#next++
    this.#known.set(what, index)
    const line = this.#lines[index]
    if (line === undefined || (line.length === 0 && !mayBeEmpty)) {
      throw new UsageError('ERR_USAGE', TEXT.error.secretFileShort(this.#option, what, index + 1))
    }
    return line
  }

  /** Wipes what can be read again. */
  drop(): void {
    if (!this.#lasts) return
    this.wipe()
    this.#lines = undefined
    this.#dropped = true
  }

  wipe(): void {
    wipe(...(this.#lines ?? []))
  }

  async #open(): Promise<readonly Uint8Array[]> {
    const { octets, lasts } = await this.#read()
    this.#lasts = lasts
    return splitSecrets(octets)
  }
}

/** The secrets that come through standard input; `option` is what names it. */
export async function readSecrets(chunks: AsyncIterable<Uint8Array>, option: string): Promise<Content> {
  const content = new Uint8Array(MOST_OCTETS + 1)
  let length = 0
  try {
    for await (const chunk of chunks) {
      const room = content.length - length
      content.set(chunk.subarray(0, room), length)
      length += Math.min(chunk.length, room)
      wipe(chunk)
      if (length === content.length) break
    }
  } catch (error) {
    wipe(content)
    throw error
  }
  return { octets: bounded(content, length, option), lasts: false }
}

/** `warn` is told where other users can read the file. @throws FileError ERR_IO, which does not name the file */
export async function readSecretFile(path: string, option: string, warn: (text: string) => void): Promise<Content> {
  const content = new Uint8Array(MOST_OCTETS + 1)
  try {
    const file = await open(path, 'r')
    try {
      const { mode } = await file.stat()
      const lasts = (mode & 0o170000) === 0o100000
      if (lasts && (mode & 0o044) !== 0) {
        warn(TEXT.warn.secretFileOpen(option, permissionsOf(mode)))
      }
      let length = 0
      for (;;) {
        const { bytesRead } = await file.read(content, length, content.length - length)
        length += bytesRead
        if (bytesRead > 0 && length < content.length) continue
        return { octets: bounded(content, length, option), lasts }
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    wipe(content)
    if (error instanceof UsageError) throw error
    throw unreadable(option, error)
  }
}

/** Does not repeat the path: the user may have typed the secret itself. */
export function unreadable(option: string, error: unknown): FileError {
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException
  return new FileError('ERR_IO', TEXT.error.secretFileUnreadable(option, code))
}

/** As in 0640. */
export const permissionsOf = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0')

function bounded(content: Uint8Array, length: number, option: string): Uint8Array {
  if (length <= MOST_OCTETS) return content.subarray(0, length)
  wipe(content)
  throw new UsageError('ERR_USAGE', TEXT.error.secretFileLong(option, MOST_OCTETS))
}
