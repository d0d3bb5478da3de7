// What a program that this process starts has open besides, without being given it. Node and libuv let nothing of theirs be
// inherited; what came from a shell (`exec 200> lock`) with a number above theirs, or was opened by a library, is.
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'

const O_CLOEXEC = 0o2000000

type Rest = Array<'ignore' | number>

/** Beyond the standard ones. None where the system does not say (proc(5), /proc/PID/fdinfo). */
function inheritable(): number[] {
  const folder = '/proc/self/fdinfo'
  const inherited = (name: string): boolean => {
    try {
      const [, flags = '0'] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`${folder}/${name}`, 'latin1')) ?? []
      return (Number.parseInt(flags, 8) & O_CLOEXEC) === 0
    } catch {
      return false // closed meanwhile
    }
  }
  try {
    const names = readdirSync(folder)
    return names.filter((name) => Number(name) > 2 && inherited(name)).map(Number)
  } catch {
    return []
  }
}

/**
 * Starts a program that inherits nothing: `start` is given what its `stdio` holds behind the first three. Where something
 * would be inherited, /dev/null is there instead; numbers that are free stay free.
 */
export function withNothingInherited<Child extends ChildProcess>(start: (rest: Rest) => Child): Child {
  const numbers = inheritable()
  if (numbers.length === 0) return start([])
  const nothing = openSync('/dev/null', 'r')
  const others = { length: Math.max(...numbers) - 2 }
  try {
    const child = start(Array.from(others, (_, at) => (numbers.includes(at + 3) ? nothing : 'ignore')))
    if (child.pid !== undefined) return child
    child.on('error', () => undefined) // the second one says it, if there is more to it
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    closeSync(nothing)
  }
  // Each replacement takes a number above all of them for a moment, and this process may have none: better inherited than
  // not started.
  return start([])
}
