// Which processes may have the card: all others that have PC/SC's library open. pcscd does not tell which one it is.
import { readdir, readFile } from 'node:fs/promises'

const LIBRARY = /\/libpcsclite\.so/

/** Names of processes, each with its number: `scdaemon (1234)`. Only those that this user may inspect. */
export async function possibleHolders(): Promise<string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue
    // It has ended, or belongs to another user.
    const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')
    if (!LIBRARY.test(maps)) continue
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown')
    found.push(`${name.trim()} (${pid})`)
  }
  return found
}
