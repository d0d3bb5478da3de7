// Files named on the command line: read as streams, written whole, with errors that name the file.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { access, constants, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { wipe } from '../bytes.ts'
import { FileError, UsageError, valueIf } from '../errors.ts'
import { asciiOf } from '../x509/pem.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'
import type { Json } from './output.ts'

/** Most octets of a file that is read whole, such as keys and signatures. */
const MOST_OCTETS = 64 * 1024

const reasonOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error)
const unreadable = (path: string, error: unknown) =>
  new FileError('ERR_IO', TEXT.error.unreadable(path, reasonOf(error)), { cause: error, path })

/** The octets of a file, or of standard input for `-`, as a stream. The file is opened at once. */
export async function readStream(context: Context, path: string, what: string): Promise<AsyncIterable<Uint8Array>> {
  if (path === '-') return relabel(context.stdin(what), path)
  try {
    const file = await open(path, 'r')
    if ((await file.stat()).isDirectory()) {
      await file.close()
      throw Object.assign(new Error('directory'), { code: 'EISDIR' })
    }
    const stream = file.createReadStream()
    context.atEnd(() => stream.destroy())
    return relabel(stream, path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function* relabel(chunks: AsyncIterable<Uint8Array>, path: string): AsyncIterable<Uint8Array> {
  try {
    yield* chunks
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Reads a small file whole. The caller wipes it if it is a secret. */
export const readSmall = (context: Context, path: string, what: string): Promise<Uint8Array> =>
  readWhole(context, path, what, MOST_OCTETS)

/** Reads a file of at most `most` octets. */
export async function readWhole(context: Context, path: string, what: string, most: number): Promise<Uint8Array> {
  const content = new Uint8Array(most)
  let length = 0
  for await (const chunk of await readStream(context, path, what)) {
    if (length + chunk.length > most) {
      wipe(content, chunk)
      throw new UsageError('ERR_USAGE', TEXT.error.tooLong(path, most))
    }
    content.set(chunk, length)
    length += chunk.length
    wipe(chunk)
  }
  return content.subarray(0, length)
}

/** What is thrown where a file or a folder cannot be written. */
export function unwritable(path: string, error: unknown): FileError {
  const code = reasonOf(error) === 'ENOSPC' ? 'ERR_DISK_FULL' : 'ERR_IO'
  return new FileError(code, TEXT.error.unwritable(path, reasonOf(error)), { cause: error, path })
}

/**
 * Checks, before a command does anything, that its result can be written afterwards: a key that was made would otherwise
 * stay, and a PIN be typed for nothing.
 */
export async function assertWritable(path: string): Promise<void> {
  try {
    const found = await stat(path).catch(valueIf((error) => reasonOf(error) === 'ENOENT', undefined))
    if (found?.isDirectory()) throw Object.assign(new Error('directory'), { code: 'EISDIR' })
    await access(found === undefined ? dirname(path) : path, constants.W_OK)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** `mode` is set on the file even if it already existed. */
export async function writeOutput(path: string, data: string | Uint8Array, mode?: number): Promise<void> {
  try {
    const file = await open(path, 'w', mode)
    try {
      if (mode !== undefined && (await file.stat()).isFile()) await file.chmod(mode)
      await file.writeFile(data)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** @throws UsageError ERR_USAGE, also for a private key, which does not belong here */
export async function readPublicKey(context: Context, path: string): Promise<KeyObject> {
  const content = await readSmall(context, path, path)
  const ascii = asciiOf(content)
  const pem = Buffer.from(ascii.buffer, ascii.byteOffset, ascii.length)
  try {
    // Node would make a public key of it.
    if (pem.includes('PRIVATE KEY')) throw new UsageError('ERR_USAGE', TEXT.error.privateInsteadOfPublic(path))
    return createPublicKey({ key: pem, format: 'pem' })
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError('ERR_USAGE', TEXT.error.notPublicKey(path), { cause: error })
  } finally {
    wipe(content, ascii)
  }
}

/** One line that is no secret: typed by the user, or the first line of standard input. */
export async function readLine(context: Context, prompt: string, what: string): Promise<string | undefined> {
  const terminal = context.terminal()
  if (terminal !== undefined) return terminal.askLine(prompt)
  let text = ''
  for await (const chunk of context.stdin(what)) {
    text += Buffer.from(chunk).toString('latin1')
    if (text.includes('\n') || text.length > MOST_OCTETS) break
  }
  return text.split('\n', 1)[0]?.trim()
}

/**
 * Sends text to the file of `-o`, else to standard output, where --json prints `json` instead. `note` is printed in
 * between: it says what was done, and to which file the text was written.
 */
export async function sendText(
  { options, out }: Context,
  json: Json,
  text: string,
  note: (path?: string) => string | undefined = () => undefined,
): Promise<void> {
  const path = options.out === '-' ? undefined : options.out
  if (path !== undefined) await writeOutput(path, text)
  const said = note(path)
  if (said !== undefined) await out.note(said)
  if (out.mode.json || path === undefined) await out.result(json, text)
}
