// Another process that uses cards, for tests. argv: what it does, the home, then what that needs. It says one line for
// each thing it did: `ok`, or the code of the error.
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CardError, cardInfo, createCard, destroyCard, listCards, openCard } from '../../src/index.ts'

const [mode = '', home = '', tcti = 'embedded:', pin = ''] = process.argv.slice(2)
const name = 'work'
const data = new Uint8Array(100)

async function say(what: string, work: () => unknown): Promise<void> {
  const outcome = await Promise.resolve()
    .then(work)
    .then(
      (result) => (typeof result === 'string' ? result : 'ok'),
      (error: unknown) => (error instanceof CardError ? error.code : String(error)),
    )
  process.stdout.write(`${what}: ${outcome}\n`)
}

const modes: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Everything that a person does in a day, and everything that changes the card. */
  async day() {
    await say('list', async () => `${(await listCards({ home })).length}`)
    await say('info', async () => (await cardInfo(name, { home })).name)
    const card = await openCard({ name, home }).catch(async (error) => {
      await say('open', () => Promise.reject(error))
      return undefined
    })
    if (card === undefined) return
    await say('verify', () => card.verifyPin(pin))
    await say('sign', () => card.sign('9a', data))
    await say('status', async () => `${(await card.pinStatus()).triesLeft}`)
    await say('wrong PIN', () => card.verifyPin('000001'))
    await say('verify again', () => card.verifyPin(pin))
    await say('generate', () => card.generateKey('82'))
    await say('delete', () => card.deleteKey('9a'))
    await say('sign again', () => card.sign('9a', data))
    await say('change PIN', () => card.changePin({ pin, newPin: '24682468' }))
    await say('change it back', () => card.changePin({ pin: '24682468', newPin: pin }))
    await card.close()
    await say('create', () => createCard({ name: 'other', home, tcti, pin }).then((other) => other.close()))
  },
  async destroy() {
    await say('destroy', () => destroyCard(name, { home }))
  },
  async create() {
    await say('create', () => createCard({ name, home, tcti, pin }).then((card) => card.close()))
  },
  /** On a small disk that is full, and then has room again. */
  async full() {
    const card = await createCard({ name, home, tcti, pin })
    await card.verifyPin(pin)
    await card.generateKey('9a')
    await card.close()
    const { bavail, bsize } = statfsSync(home)
    writeFileSync(join(home, 'filler'), Buffer.alloc(bavail * bsize))
    await modes.day?.()
    rmSync(join(home, 'filler'))
    await modes.day?.()
  },
  /** Opens the card and keeps it, until it is told to let go. */
  async hold() {
    const card = await openCard({ name, home })
    await say('hold', () => undefined)
    await new Promise((resolve) => process.stdin.once('data', resolve))
    await card.close()
    await say('let go', () => undefined)
    process.stdin.destroy()
  },
}
await modes[mode]?.()
