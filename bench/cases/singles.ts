// node --import tsx bench/cases/singles.ts SETUP: what is measured by itself. `sample N` answers N samples of each name.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { tempDir } from '../../test/support/temp.ts'
import { load, root } from '../product.ts'

export interface SingleSetup {
  readonly what: keyof typeof WHAT
  readonly tcti: string
}

/** One sample: values by name. */
type Sampler = () => Promise<Readonly<Record<string, number>>>

const PIN = '483920'
const PUK = 'open ?me'
const now = () => performance.now()
const { createCard, openCard } = await load(root, 'index')

async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = now()
  await work()
  return now() - before
}

const newCard = (tcti: string, home: string) => createCard({ name: 'bench', home, tcti, pin: PIN, puk: PUK })

/** A card that is opened, unlocked and used once. */
async function opening(tcti: string): Promise<Sampler> {
  const home = tempDir('bench')
  const made = await newCard(tcti, home)
  await made.verifyPin(PIN)
  await made.generateKey('9a')
  await made.close()
  return async () => {
    const start = now()
    const card = await openCard({ name: 'bench', home })
    const opened = now()
    await card.verifyPin(PIN)
    const verified = now()
    await card.sign('9a', new Uint8Array(32))
    const signed = now()
    await card.close()
    return {
      'open a card': opened - start,
      'verify the PIN': verified - opened,
      'first signature, P-256': signed - verified,
      'open to first signature': signed - start,
    }
  }
}

async function generating(tcti: string): Promise<Sampler> {
  const card = await newCard(tcti, tempDir('bench'))
  await card.verifyPin(PIN)
  return async () => {
    const samples: Record<string, number> = {}
    for (const algorithm of ['P-256', 'P-384', 'RSA-2048', 'RSA-3072'] as const) {
      samples[algorithm] = await timed(() => card.generateKey('82', { algorithm }))
    }
    return samples
  }
}

/** 24 keys in turn, of which the TPM has room for two. */
async function roundRobin(tcti: string): Promise<Sampler> {
  const home = tempDir('bench')
  const card = await newCard(tcti, home)
  const { deviceInUse } = await load(root, 'tpm/devices')
  const device = deviceInUse({ tcti, stateFile: `${home}/tpm/state`, createState: true })
  await card.verifyPin(PIN)
  const slots = ['9a', '9c', '9d', '9e', ...Array.from({ length: 20 }, (_, at) => (0x82 + at).toString(16))]
  for (const slot of slots) await card.generateKey(slot, { pinPolicy: 'once' })
  await card.verifyPin(PIN)
  const sign = async () => {
    for (const slot of slots) await card.sign(slot, new Uint8Array(32))
  }
  await sign()
  return async () => {
    const before = (await device?.counters())?.Load ?? 0
    const ms = await timed(sign)
    const loads = ((await device?.counters())?.Load ?? 0) - before
    return { 'signature, P-256, 24 keys in turn': ms / slots.length, 'loads a signature': loads / slots.length }
  }
}

/** One signature by the card's own method, and by WebCrypto with the same key; and by WebCrypto with a key in software. */
async function nodeKeys(tcti: string): Promise<Sampler> {
  const { cardKey } = await load(root, 'keys/index')
  const card = await newCard(tcti, tempDir('bench'))
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.verifyPin(PIN)
  const ecdsa = { name: 'ECDSA', hash: 'SHA-256' }
  const onCard = await (await cardKey(card, '9a')).cryptoKey('ECDSA')
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  const message = new Uint8Array(32)
  return async () => {
    const own = await timed(() => card.sign('9a', message))
    const byWebCrypto = await timed(() => crypto.subtle.sign(ecdsa, onCard, message))
    const inSoftware = await timed(() => crypto.subtle.sign(ecdsa, pair.privateKey, message))
    return {
      'card.sign, P-256': own,
      'subtle.sign, P-256 on the card': byWebCrypto,
      'subtle.sign, P-256 in software': inSoftware,
      'subtle.sign over card.sign, us': (byWebCrypto - own) * 1000,
    }
  }
}

const MESSAGES = { '1 MiB': 1, '64 MiB': 64 } as const

/** Long messages: how long a signature takes, and how late the event loop is meanwhile. */
async function hashing(tcti: string): Promise<Sampler> {
  const card = await newCard(tcti, tempDir('bench'))
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.verifyPin(PIN)
  return async () => {
    const samples: Record<string, number> = {}
    for (const [name, mebibytes] of Object.entries(MESSAGES)) {
      const message = new Uint8Array(mebibytes << 20).fill(7)
      const parts = async function* () {
        for (let at = 0; at < message.length; at += 1 << 20) yield message.subarray(at, at + (1 << 20))
      }
      for (const [how, data] of [
        ['at once', message],
        ['in parts', parts()],
      ] as const) {
        const delay = monitorEventLoopDelay({ resolution: 1 })
        delay.enable()
        samples[`sign ${name} ${how}`] = await timed(() => card.sign('9a', data))
        await pause(5) // until the loop has turned and told of it
        delay.disable()
        samples[`sign ${name} ${how}, longest delay of the loop`] = delay.max / 1e6
      }
    }
    return samples
  }
}

const WHAT = { opening, generating, nodeKeys, roundRobin, hashing } as const

const { what, tcti } = JSON.parse(process.argv[2] ?? '') as SingleSetup
const sample = await WHAT[what](tcti)
process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const samples = []
  for (let left = Number(line.split(' ')[1]); left > 0; left -= 1) samples.push(await sample())
  process.stdout.write(`${JSON.stringify(samples)}\n`)
}
process.exit(0) // what is left in the TPM ends with it
