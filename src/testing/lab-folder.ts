// The folder of a lab: gone with it, with its process, or, where that was killed, with the next lab of the same user.
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileError, isError } from '../errors.ts'
import { native } from '../native.ts'

const PREFIX = 'tessera-lab-'
/** Held as long as the lab is there: processes of other containers have other numbers, and may share the folder above. */
const LOCK = 'lock'
/** Unix sockets have 108 octets for their path, and the longest name below is short. */
const LONGEST = 80

/** @throws FileError ERR_IO */
export function makeLabFolder(): { readonly path: string; remove(): void } {
  const parent = tmpdir()
  if (parent.length > LONGEST)
    throw new FileError('ERR_IO', `${parent} is too long a path for sockets. Set TMPDIR to a shorter one.`, {
      path: parent,
    })
  removeDead(parent)
  const path = make(join(parent, `${PREFIX}${process.pid}-`))
  const lock = native().lockFile(join(path, LOCK))
  const remove = () => {
    open.delete(remove)
    rmSync(path, { recursive: true, force: true })
    lock?.release()
  }
  if (!isListening) process.once('exit', removeAll)
  isListening = true
  open.add(remove)
  return { path, remove }
}

/** The labs of this process, by what removes them: one listener for all, however many there are. */
const open = new Set<() => void>()
let isListening = false
function removeAll(): void {
  for (const remove of open) remove()
}

function make(beside: string): string {
  try {
    return mkdtempSync(beside)
  } catch (cause) {
    const why = isError(cause) ? cause.message : 'the system refused it'
    throw new FileError('ERR_IO', `No folder for a lab could be made: ${why}. Check the disk and try again.`, {
      cause,
      path: beside,
    })
  }
}

/** Removes what labs of killed processes left, of this user alone. */
function removeDead(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid] = /^tessera-lab-(\d{1,10})-[A-Za-z0-9]{6}$/.exec(name) ?? []
    if (pid === undefined || isAlive(Number(pid))) continue
    try {
      const path = join(parent, name)
      // A link of somebody else's may lead to a folder of ours.
      const found = lstatSync(path)
      if (found.isDirectory() && found.uid === process.geteuid?.()) removeUnlessHeld(path)
    } catch {
      // Another lab is removing it, too.
    }
  }
}

function removeUnlessHeld(path: string): void {
  const lock = native().lockFile(join(path, LOCK))
  if (lock === null) return
  rmSync(path, { recursive: true, force: true })
  lock.release()
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
