// How attacks are tabled and run: each against the product's own lock, where it must fail at a known place, and again
// where the defence in question is missing, where it must succeed. A row whose second run fails proves nothing.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, TpmError } from '../../../src/errors.ts'
import { LOCK, type LockTable } from '../../../src/tpm/lock/table.ts'
import { rcText } from '../../support/wire.ts'
import { Refused } from '../../support/witness.ts'
import { Attacker } from './attacker.ts'
import { BACKENDS, type BackendName, type Bench, startBench } from './bench.ts'
import { type CardOptions, type CardOwner, issueCard } from './owner.ts'

/** Everything an attack is played with. */
export interface Scene {
  readonly bench: Bench
  readonly attacker: Attacker
  /** What the product guards cards with here. */
  readonly table: LockTable
  /** The product makes a card; its owner is somebody else than the attacker. */
  card(options?: CardOptions): Promise<CardOwner>
}

/** Resolves when the attacker has what he wants, checked; whoever stops him makes it reject. */
export type Attack = (scene: Scene) => Promise<void>

export interface Row {
  /** As reference/pin-lock.md has it: E3, A6c, B2. */
  readonly id: string
  readonly what: string
  readonly attack: Attack
  /** Who stops it: a TPM command with its response code, or an error code of the product. */
  readonly held: string
  /** The table that lacks the defence; or the same attack where it is lacking, when no table can say that. */
  readonly weak: LockTable | Attack
}

export type Outcome = 'broken' | { readonly held: string }

/** Nobody refused, but the attacker has nothing. */
export class Nothing extends Error {}

function stoppedBy(error: unknown): string {
  if (error instanceof Nothing) return error.message
  if (error instanceof Refused) return error.message.replace(': rc', '')
  if (error instanceof TpmError && error.code === 'ERR_TPM') return `${error.command} ${rcText(error.rc ?? 0)}`
  if (error instanceof CardError) return error.code
  throw error
}

export async function play(backend: BackendName, table: LockTable, attack: Attack): Promise<Outcome> {
  const bench = await startBench(backend)
  const owners: CardOwner[] = []
  const scene: Scene = {
    bench,
    table,
    attacker: new Attacker(bench.witness),
    async card(options) {
      const owner = await issueCard(bench, table, options)
      owners.push(owner)
      return owner
    },
  }
  try {
    await attack(scene)
    return 'broken'
  } catch (error) {
    return { held: stoppedBy(error) }
  } finally {
    bench.proxy.hooks = {}
    for (const owner of owners) await owner.vault.close()
    await bench.stop()
  }
}

/** One test a row and TPM. */
export function battery(rows: readonly Row[]): void {
  for (const { id, what, attack, held, weak } of rows) {
    for (const backend of BACKENDS) {
      test(`${id} ${what} (${backend})`, async () => {
        assert.equal(await play(backend, LOCK, attack), { held }, 'the lock')
        const without = typeof weak === 'function' ? play(backend, LOCK, weak) : play(backend, weak, attack)
        assert.equal(await without, 'broken', 'without the defence')
      })
    }
  }
}

/** One test a TPM, for what is not an attack with a weaker twin. */
export function onEach(name: string, act: (scene: Scene) => Promise<void>): void {
  for (const backend of BACKENDS) {
    test(`${name} (${backend})`, async () => {
      assert.is(await play(backend, LOCK, act), 'broken', 'a step of this test was refused')
    })
  }
}

/** Runs `act`, which must be refused; says by whom, as a row's `held` does. */
export async function refused(act: Promise<unknown>): Promise<string> {
  try {
    await act
  } catch (error) {
    return stoppedBy(error)
  }
  return 'not refused'
}
