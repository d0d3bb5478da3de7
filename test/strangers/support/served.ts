// Cards in a TPM, with keys and certificates as people have them, put where every program finds them: into readers.
import type { KeyObject, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Card, createCard, openCard } from '../../../src/index.ts'
import type { Algorithm } from '../../../src/piv/algorithms.ts'
import { FIRST_STATE, type Model } from '../../../src/piv/first-state.ts'
import { seen } from '../../pcsc/cards.ts'
import { startServe } from '../../serve/support/process.ts'
import { startPcscd } from '../../support/pcscd.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { type Issuer, newIssuer } from './issuer.ts'

export const PIN = '483920'
export const WRONG_PIN = '000001'
export const NEW_PIN = '71650842'
/** Digits: OpenSC takes no other PUK. */
export const PUK = '86753098'
export const WRONG_PUK = '00000002'
export const NEW_PUK = '31415926'
export const TRIES = { pin: 5, puk: 3 } as const
/** What `createCard` sets: everybody knows it. */
export const ADMIN_KEY = '010203040506070801020304050607080102030405060708'

type Plan = Readonly<Record<string, Algorithm>>

/** What is on a card, by slot: between the two, each kind of key in each kind of slot. */
export const PLANS = {
  curve: { '9a': 'P-256', '9c': 'RSA-2048', '9d': 'P-256', '9e': 'P-256', '82': 'RSA-2048' },
  prime: { '9a': 'RSA-2048', '9c': 'P-256', '9d': 'RSA-2048', '9e': 'RSA-2048', '82': 'P-384' },
} as const satisfies Record<string, Plan>

/** `none`: there is nothing on the card. */
type PlanName = keyof typeof PLANS | 'none'

export interface ServedCard {
  readonly name: string
  readonly reader: string
  /** Its keys and certificates. @throws Error for a slot that has none */
  certificate(slot: string): X509Certificate
  publicKey(slot: string): KeyObject
  /** What the library finds in the reader, with a connection of its own. */
  look<T>(work: (card: Card) => Promise<T>): Promise<T>
}

export interface Served {
  readonly issuer: Issuer
  readonly cards: readonly ServedCard[]
  stop(): Promise<void>
}

/**
 * One card a plan, the first in the first reader, by `tessera serve`. Each slot has a certificate of its key, of subject
 * `NAME SLOT`. `readers`: what their names begin with, instead of what vpcd calls them. `model`: the cards start with
 * the default PIN, PUK and admin key of that model. `way`: `socket` where there is no pcscd, but `serve --pcsc`.
 */
export async function startServed(
  names: readonly PlanName[],
  options: { readonly readers?: string; readonly model?: Model; readonly way?: 'vpcd' | 'socket' } = {},
): Promise<Served> {
  const { readers, model, way = 'vpcd' } = options
  const [into, swtpm, issuer] = await Promise.all([
    way === 'socket' ? ownSocket(names) : pcscdReaders(readers),
    startSwtpm(),
    newIssuer(),
  ])
  const place = { home: tempDir('home'), tcti: swtpm.tcti }
  const prepared = []
  for (const name of names) prepared.push({ name, certificates: await prepare(place, name, issuer, model) })
  const serve = await startServe(['serve', ...names, ...into.words], { TESSERA_HOME: place.home })
  // It says so when the cards are in their readers.
  assert.ok((await serve.line())?.startsWith('Serving'), serve.stderr())

  const cards = prepared.map(({ name, certificates }, at): ServedCard => {
    const reader = into.readers[at] ?? ''
    const certificate = (slot: string): X509Certificate => {
      const found = certificates.get(slot)
      if (found === undefined) throw new Error(`no certificate in ${slot}`)
      return found
    }
    return {
      name,
      reader,
      certificate,
      publicKey: (slot) => certificate(slot).publicKey,
      look: (work) => look(reader, work),
    }
  })
  for (const { reader } of cards) await seen(reader, true)
  return {
    issuer,
    cards,
    async stop() {
      assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
      await into.stop()
      await swtpm.stop()
    },
  }
}

/** How cards get into readers: words for `tessera serve`. */
interface Into {
  readonly words: readonly string[]
  readonly readers: readonly string[]
  stop(): Promise<void>
}

async function pcscdReaders(name: string | undefined): Promise<Into> {
  const { ports, readers, stop } = await startPcscd(name === undefined ? {} : { name })
  return { words: ['--vpcd', `127.0.0.1:${ports[0]}`], readers, stop }
}

/** As with a pcscd of one's own, this process and the programs that it starts find the socket by their environment. */
async function ownSocket(names: readonly string[]): Promise<Into> {
  process.env.XDG_RUNTIME_DIR = tempDir('run')
  process.env.PCSCLITE_CSOCK_NAME = join(process.env.XDG_RUNTIME_DIR, 'tessera', 'pcsc')
  const readers = names.map((name) => `Tessera ${name} 00 00`)
  return { words: ['--pcsc'], readers, stop: async () => {} }
}

async function look<T>(reader: string, work: (card: Card) => Promise<T>): Promise<T> {
  const card = await openCard({ reader })
  try {
    return await work(card)
  } finally {
    await card.close()
  }
}

/** By the library. OpenSC leaves the PIN verified when it ends, and a card that is so does not say its tries. */
export const triesLeft = (card: ServedCard): Promise<number | undefined> =>
  card.look(async (one) => {
    await one.lock()
    return (await one.pinStatus()).triesLeft
  })

async function prepare(
  place: { readonly home: string; readonly tcti: string },
  name: PlanName,
  issuer: Issuer,
  model: Model | undefined,
): Promise<ReadonlyMap<string, X509Certificate>> {
  const certificates = new Map<string, X509Certificate>()
  const first = model === undefined ? { pin: PIN, puk: PUK } : { model }
  const card = await createCard({ ...place, ...first, name, pinTries: TRIES.pin, pukTries: TRIES.puk })
  try {
    await card.verifyPin(model === undefined ? PIN : FIRST_STATE[model].pin)
    for (const [slot, algorithm] of Object.entries<Algorithm>(name === 'none' ? {} : PLANS[name])) {
      const certificate = await issuer.certify(slot, await card.generateKey(slot, { algorithm }), `${name} ${slot}`)
      await card.putCertificate(slot, { certificate: Uint8Array.from(certificate.raw) })
      certificates.set(slot, certificate)
    }
  } finally {
    await card.close()
  }
  return certificates
}
