// A program of its own, for tests that kill it, or let several do things to one card at once. See children.ts.
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { parseSlot } from '../../../src/piv/slots.ts'
import { openTpmCard } from '../../../src/tpm/open.ts'
import type { TpmVault } from '../../../src/tpm/vault/vault.ts'
import { monotonic } from '../../support/times.ts'
import { ACTS } from './acts.ts'
import { create, destroy, makeKey, outcome, type Secrets, verifyPin, withCard } from './card.ts'
import type { Point } from './crash.ts'
import { watchingTpm } from './snapshots.ts'

interface Where {
  readonly home: string
  readonly tcti: string
}

/** What a child can be told, with its details. */
export interface Orders {
  /** Does an act of acts.ts. `die`: kills itself there, counted in trips of its own to the TPM. */
  act: { readonly act: string; readonly spot: Where; readonly secrets: Secrets; readonly die?: Point }
  /** Guesses the PIN wrongly, opening the card anew each time, until it is told that the PIN is blocked. */
  guess: Where & { readonly name: string }
  /** Makes the card, or destroys it; or adds to it, `times` times, under names that begin with `mark`. */
  create: Where & { readonly name: string; readonly secrets: Secrets }
  destroy: Where & { readonly name: string }
  add: Where & { readonly name: string; readonly slots: readonly string[]; readonly mark: string }
  /** Opens the card, and closes it. */
  open: Where & { readonly name: string }
  /** Holds the card open until it is told `release`. */
  hold: Where & { readonly name: string }
  release: null
}

export interface Answers {
  act: 'done'
  /** How often each answer came, and the longest time that one took in milliseconds. */
  guess: { readonly codes: Readonly<Record<string, number>>; readonly longest: number }
  /** `ok` or the code of the error. */
  create: string
  destroy: string
  add: readonly string[]
  /** On the machine's clock. */
  open: { readonly code: string; readonly began: number; readonly ended: number }
  hold: 'held'
  release: 'released'
}

const MOST_GUESSES = 200
let held: TpmVault | undefined

const orders: { [Name in keyof Orders]: (details: Orders[Name]) => Promise<Answers[Name]> } = {
  async act({ act, spot, secrets, die }) {
    let seen = 0
    const work = ACTS.find(({ name }) => name === act)?.run
    if (work === undefined) throw new Error(`no act ${act}`)
    await watchingTpm(
      (when) => {
        if (when === 'before') seen += 1
        if (seen === die?.at && when === die.side) process.kill(process.pid, 'SIGKILL')
      },
      () => work(spot, secrets),
    )
    return 'done'
  },

  async guess({ name, ...spot }) {
    const codes: Record<string, number> = {}
    let longest = 0
    for (let guess = 0; guess < MOST_GUESSES && codes.ERR_PIN_BLOCKED === undefined; guess++) {
      const started = performance.now()
      const code = await outcome(withCard(spot, name, (card) => verifyPin(card, '000000')))
      longest = Math.max(longest, performance.now() - started)
      codes[code] = (codes[code] ?? 0) + 1
    }
    return { codes, longest }
  },

  create: ({ name, secrets, ...spot }) =>
    outcome(
      create(spot, name, secrets).then(async (card) => {
        await makeKey(card).finally(() => card.close())
      }),
    ),
  destroy: ({ name, ...spot }) => outcome(destroy(spot, name)),

  async add({ name, slots, mark, ...spot }) {
    const codes: string[] = []
    for (const [index, slot] of slots.entries()) {
      const work = withCard(spot, name, async (card) => {
        await card.keys.generate(parseSlot(slot), { algorithm: 'P-256', pinPolicy: 'once' })
        await card.objects.put(`${mark}0${index}`, randomBytes(3000))
      })
      codes.push(await outcome(work))
    }
    return codes
  },

  async open({ name, ...spot }) {
    const began = monotonic()
    const code = await outcome(withCard(spot, name, async () => undefined))
    return { code, began, ended: monotonic() }
  },
  async hold({ name, ...spot }) {
    held = await openTpmCard(spot, name)
    return 'held'
  },
  async release() {
    await held?.close()
    return 'released'
  },
}

console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const { order, details } = JSON.parse(line) as { readonly order: keyof Orders; readonly details: unknown }
  const work = orders[order] as (details: unknown) => Promise<unknown>
  console.log(JSON.stringify(await work(details)))
}
