// One process of several, for tests. argv: mode, home, then what the mode needs. Answers are lines on stdout.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { CardError } from '../../../src/errors.ts'
import { files } from '../../../src/files/files.ts'
import { Home } from '../../../src/home/home.ts'
import { Locks } from '../../../src/home/locks.ts'
import { native } from '../../../src/native.ts'
import type { CardFile } from '../../../src/tpm/store/card-file.ts'
import { Journal } from '../../../src/tpm/store/journal.ts'
import { CardStore } from '../../../src/tpm/store/store.ts'
import { sampleCard, sampleEntry } from './cards.ts'

const [mode = '', path = '', argument = ''] = process.argv.slice(2)
const home = new Home(path)
const { lockFile } = native()
const store = new CardStore({ home, lockFile })
const { cardId } = sampleCard()

const say = (text: string) => process.stdout.write(`${text}\n`)
const withObject =
  (tag: string, octets: Uint8Array) =>
  (card: CardFile): CardFile => ({
    ...card,
    objects: { ...card.objects, [tag]: octets },
  })
/** `ok`, or the code of the error that `work` ends with. */
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'ok',
    (error: unknown) => (error instanceof CardError ? error.code : String(error)),
  )
const readUnlock = async () => `read ${(await store.read('work')).unlockSeconds}`
const update = () => store.update('work', cardId, withObject('5f01', randomBytes(20_000)))

/** Keeps this process alive until it is killed. The garbage collector comes by: it must not let go of a lock. */
const stay = () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  setInterval(collect, 10)
}

const modes: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Adds 15 objects in turn, once it is told to. `argument`: the first octet of their tags, in hex. */
  async add() {
    say('ready')
    await new Promise((resolve) => process.stdin.once('data', resolve))
    for (let at = 10; at < 25; at++)
      await store.update('work', cardId, withObject(`${argument}${at}`, new Uint8Array(at)))
    say('done')
    process.stdin.destroy()
  },
  /** Writes the card again and again until it is killed. */
  async churn() {
    say('ready')
    for (;;) await store.update('work', cardId, withObject(argument, randomBytes(4000)))
  },
  async holdCard() {
    const lock = new Locks(files, lockFile).attempt(home.of('work', 'lock'))
    say(lock === null ? 'busy' : 'ready')
    stay()
  },
  async holdJournal() {
    await new Journal({ home, lockFile }).begin(sampleEntry())
    say('ready')
    stay()
  },
  /** Where there is no room: whatever makes a file longer. */
  async full() {
    say(await readUnlock())
    say(await outcome(update()))
    say(await outcome(store.create(sampleCard('spare'))))
    say(await outcome(new Journal({ home, lockFile }).begin(sampleEntry('spare'))))
    say(await readUnlock())
  },
  /** Where nothing may be written. */
  async denied() {
    say(await readUnlock())
    say(await outcome(update()))
    say(await outcome(store.remove('work', cardId)))
    say(await outcome(store.create(sampleCard('other'))))
    say(await outcome(new Journal({ home, lockFile }).begin(sampleEntry('other'))))
    say(await readUnlock())
  },
  /** On a small file system of its own, `path`: full, then with room again, then read-only. */
  async small() {
    await store.create(sampleCard())
    await store.create(sampleCard('spare'))
    await store.remove('spare', cardId)
    const { bavail, bsize } = statfsSync(path)
    writeFileSync(join(path, 'filler'), Buffer.alloc(bavail * bsize))
    await modes.full?.()
    rmSync(join(path, 'filler'))
    say(await outcome(update()))
    say(`remount ${spawnSync('mount', ['-o', 'remount,ro', path]).status}`)
    await modes.denied?.()
  },
}
await modes[mode]?.()
