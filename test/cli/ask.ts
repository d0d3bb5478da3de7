// Asks as commands do, for prompt.test.ts: ask.ts once|twice|both|line|early|late FILE|hidden|signalled|shown
import { existsSync, openSync, readSync } from 'node:fs'
import { Interrupted, Terminal } from '../../src/cli/prompt.ts'
import { Secrets } from '../../src/cli/secrets.ts'
import { pinBytes } from '../../src/piv/pin.ts'

const terminal = Terminal.open(process.stderr.isTTY)
const secrets = new Secrets({
  pinFile: undefined,
  terminal: () => terminal,
  warn: () => undefined,
  claimStdin: () => process.stdin,
})
const question = { what: 'PIN', prompt: 'PIN: ', check: pinBytes }

/** A secret as the test can know it without its being on the screen. */
const told = (secret: Uint8Array) => `${secret.length} octets, sum ${secret.reduce((sum, octet) => sum + octet, 0)}`

try {
  const kind = process.argv[2]
  if (kind === 'line') console.log(`line <${await terminal?.askLine('Line: ')}>`)
  if (kind === 'late') {
    console.log('at work')
    while (!existsSync(process.argv[3] ?? '')) await new Promise((resolve) => setTimeout(resolve, 10))
    console.log(told(await secrets.take(question)))
  }
  if (kind === 'early') {
    await terminal?.hideTyping()
    console.log('at work')
    // The line has been typed when the terminal hands it over.
    readSync(openSync('/dev/tty', 'r'), new Uint8Array(100))
    console.log(told(await secrets.take(question)))
  }
  if (kind === 'hidden') {
    await terminal?.hideTyping()
    console.log('at work')
    // Until a signal ends it.
    await new Promise(() => setInterval(() => undefined, 60_000))
  }
  if (kind === 'signalled') {
    await terminal?.hideTyping()
    console.log(`process ${process.pid}`)
    await secrets.take(question)
  }
  if (kind === 'shown') {
    await terminal?.hideTyping()
    terminal?.showTyping()
    console.log(`handlers: ${process.listenerCount('SIGQUIT') + process.listenerCount('SIGHUP')}`)
  }
  if (kind === 'once') console.log(told(await secrets.take(question)))
  if (kind === 'twice') console.log(told(await secrets.takeNew(question)))
  if (kind === 'both') console.log(`${told(await secrets.take(question))}; ${told(await secrets.takeNew(question))}`)
} catch (error) {
  console.log(error instanceof Interrupted ? 'interrupted' : `${(error as Error).message}`)
  process.exitCode = 1
} finally {
  secrets.wipe()
  terminal?.close()
}
