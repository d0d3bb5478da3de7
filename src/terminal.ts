// The echo of a terminal, which the kernel does.
import { native } from './native.ts'

/** Returns false if nothing was changed, as for a process in the background. */
export function setTerminalEcho(fd: number, on: boolean): boolean {
  try {
    return native().setTerminalEcho(fd, on)
  } catch {
    // Without the addon the command itself says why.
    return false
  }
}
