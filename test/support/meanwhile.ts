// Tests that wait for long, each with parts of its own.
import { test } from 'uvu'

/**
 * A test that begins with the file, once the `test.before` above it are done, and is looked at where it stands. It must
 * use nothing that the tests between do.
 */
export function meanwhile(name: string, work: () => Promise<void>): void {
  let begun: Promise<void> | undefined
  test.before(() => {
    begun = work()
    begun.catch(() => undefined) // told where it stands
  })
  test(name, () => begun)
}
