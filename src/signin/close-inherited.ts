// Starts programs without inherited file descriptors. Those of Node and libuv are close-on-exec, but others are inherited:
// from a shell (`exec 200> lock`), or opened by a library.
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'

const O_CLOEXEC = 0o2000000

type Rest = Array<'ignore' | number>

/** Inheritable descriptors above 2; none if the system cannot say (proc(5), /proc/PID/fdinfo). */
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
 * Starts a program that inherits nothing: `start` gets the entries of `stdio` after the first three, which put /dev/null in
 * the place of each inheritable descriptor.
 */
export function withNothingInherited<Child extends ChildProcess>(start: (rest: Rest) => Child): Child {
  const numbers = inheritable()
  if (numbers.length === 0) return start([])
  const nothing = openSync('/dev/null', 'r')
  const others = { length: Math.max(...numbers) - 2 }
  try {
    const child = start(Array.from(others, (_, at) => (numbers.includes(at + 3) ? nothing : 'ignore')))
    if (child.pid !== undefined) return child
    child.on('error', () => undefined) // a second attempt reports a lasting error
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    closeSync(nothing)
  }
  // Each replacement needs a free descriptor for a moment. If there is none, inheriting is better than not starting.
  return start([])
}
