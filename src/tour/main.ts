// `npm start`: the life of a card on the embedded TPM, on a real file, checked by the openssl program.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Card, createCard, DEFAULT_PIN, DEFAULT_PUK, destroyCard, PinError } from '../index.ts'

const run = promisify(execFile)
const PIN = '27182818'
const NEW_PIN = '31415926'

/** One line a step: what was done, what came of it, what it cost. */
async function step(what: string, work: () => Promise<string | undefined>): Promise<void> {
  const start = performance.now()
  const result = (await work()) ?? 'done'
  const cost = `${(performance.now() - start).toFixed(1)} ms`
  console.log(`  ${what.padEnd(52)} ${result.padEnd(34)} ${cost.padStart(9)}`)
}

async function guess(card: Card, pin: string): Promise<string> {
  try {
    await card.verifyPin(pin)
    return 'right'
  } catch (error) {
    if (!(error instanceof PinError)) throw error
    return error.code === 'ERR_PIN_WRONG'
      ? `wrong, ${error.triesLeft} ${error.triesLeft === 1 ? 'try' : 'tries'} left`
      : 'blocked'
  }
}

async function life(folder: string, document: string): Promise<void> {
  const home = join(folder, 'home')
  const [publicKey, signature] = [join(folder, 'key.pem'), join(folder, 'signature')]
  const options = { name: 'tour', home, tcti: 'embedded:' }
  let opened: Card | undefined
  const card = () => opened as Card
  try {
    await step('create a card, with the default PIN', async () => {
      opened = await createCard(options)
      return `${card().assurance} TPM, in this process`
    })
    await step('change the default PIN', async () => {
      await card().changePin({ pin: DEFAULT_PIN, newPin: PIN })
      return undefined
    })
    await step('make a P-256 key in slot 9a', async () => {
      const key = await card().generateKey('9a', { algorithm: 'P-256' })
      await writeFile(publicKey, key.export({ type: 'spki', format: 'pem' }))
      return 'it never leaves the TPM'
    })
    await step('sign README.md', async () => {
      const octets = await card().sign('9a', await readFile(document))
      await writeFile(signature, octets)
      return `${octets.length} octets (ECDSA, SHA-256)`
    })
    await step('openssl dgst -verify', async () => {
      const { stdout } = await run('openssl', [
        'dgst',
        '-sha256',
        '-verify',
        publicKey,
        '-signature',
        signature,
        document,
      ])
      return stdout.trim()
    })
    for (let attempt = 1; (await card().pinStatus()).triesLeft !== 0; attempt += 1) {
      await step(`enter a wrong PIN (${attempt})`, () => guess(card(), '00000000'))
    }
    await step('enter the right PIN', () => guess(card(), PIN))
    await step('unblock with the PUK, and a new PIN', async () => {
      await card().unblockPin({ puk: DEFAULT_PUK, newPin: NEW_PIN })
      return undefined
    })
    await step('enter the new PIN', () => guess(card(), NEW_PIN))
    await step('sign again', async () => `${(await card().sign('9a', await readFile(document))).length} octets`)
  } finally {
    await opened?.close()
  }
  await step('destroy the card', async () => {
    await destroyCard('tour', { home, tcti: 'embedded:' })
    return 'nobody can use its keys again'
  })
}

const folder = await mkdtemp(join(tmpdir(), 'tessera-tour-'))
console.log('\nThe life of a card, on a TPM simulated in this process:\n')
try {
  // The same relative path from src/tour/ and from dist/tour/.
  await life(folder, fileURLToPath(new URL('../../README.md', import.meta.url)))
  console.log('\nNothing is left behind. Next: ./bin/tessera create work, or README.md.\n')
} finally {
  await rm(folder, { recursive: true, force: true })
}
