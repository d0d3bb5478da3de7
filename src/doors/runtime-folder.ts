// Where the sockets of doors are.
import { isAbsolute, join } from 'node:path'
import { Home } from '../home/home.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** `$XDG_RUNTIME_DIR/tessera`, which is gone when the user is (XDG Base Directory Specification); else beside the cards. */
export function runtimeFolder(home?: string, environment: Environment = process.env): string {
  const { XDG_RUNTIME_DIR: runtime } = environment
  return runtime && isAbsolute(runtime) ? join(runtime, 'tessera') : join(new Home(home).run, 'doors')
}
