// Who may have the card: the other processes that have PC/SC's library open. pcscd tells nobody who it is.
import { readdir, readFile } from 'node:fs/promises'

const LIBRARY = /\/libpcsclite\.so/

/** Names of processes, each with its number: `scdaemon (1234)`. Those that this user may look into. */
export async function possibleHolders(): Promise<string[]> {
  const found: string[] = []
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue
    // Gone meanwhile, or another user's.
    const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')
    if (!LIBRARY.test(maps)) continue
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown')
    found.push(`${name.trim()} (${pid})`)
  }
  return found
}
