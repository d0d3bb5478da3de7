// One command twice, by our layer and by ESAPI, to the same TPM: what each put on the wire, and what each made of it.
import * as assert from 'uvu/assert'
import { CC, type CommandName } from '../../support/codes.ts'
import type { Exchange } from '../../support/proxy.ts'
import { answerOutput, concat, hex, Reader } from '../../support/wire.ts'
import { password, startWitness, type Witness } from '../../support/witness.ts'
import { call, type Rig, startRig } from './rig.ts'

export interface Inputs {
  readonly handles?: readonly number[]
  readonly params?: Uint8Array
  /** A password for each handle that wants one. */
  readonly passwords?: readonly Uint8Array[]
}

export interface Expected {
  /** What takes back the effect of the first, so that the second finds the TPM as it was; gets the first's output. */
  readonly undo?: (output: Uint8Array) => Promise<unknown>
  /** `same`: both get the same octets (default). `alike`: as many. `free`: the TPM chooses their number too. */
  readonly output?: 'same' | 'alike' | 'free'
}

export interface Pair extends Rig {
  readonly witness: Witness
  /** Commands that were compared. */
  readonly used: Set<string>
  /** The last thing that side said of this command. */
  said(side: Exchange['side'], name: CommandName): { readonly command: Uint8Array; readonly answer: Uint8Array }
  /** Both, ours first; our output. */
  both(name: CommandName, inputs?: Inputs, expected?: Expected): Promise<Reader>
}

export async function startPair(): Promise<Pair> {
  const rig = await startRig()
  const witness = await startWitness(rig.proxy.attackerPath)
  const used = new Set<string>()

  function said(side: Exchange['side'], name: CommandName) {
    const found = rig.proxy.wire.filter((exchange) => exchange.side === side && exchange.code === CC[name]).at(-1)
    assert.ok(found?.answer !== undefined, `${side} sent no ${name}`)
    return { command: found.command, answer: found.answer }
  }

  async function both(name: CommandName, inputs: Inputs = {}, expected: Expected = {}): Promise<Reader> {
    const { handles = [], params = new Uint8Array(0), passwords = [] } = inputs
    // ESAPI leaves continueSession out for a password, to which it means nothing.
    const auths = passwords.map((authValue) => ({ session: 0x40000009, authValue, attributes: 0 }))
    const ours = (await call(rig.tpm, name, { handles, params, auths })).rest()
    const product = said('product', name)
    await expected.undo?.(ours)
    const theirs = (await witness.must(name, { handles, params, auths: passwords.map(password) })).rest()
    used.add(name)
    const attacker = said('attacker', name)
    assert.is(hex(product.command), hex(attacker.command), `${name}: the command`)
    assert.is(hex(ours), hex(answerOutput(CC[name], product.answer)), `${name}: our output`)
    assert.is(hex(theirs), hex(answerOutput(CC[name], attacker.answer)), `${name}: ESAPI's output`)
    const kind = expected.output ?? 'same'
    if (kind === 'same') assert.is(hex(ours), hex(theirs), `${name}: outputs`)
    if (kind === 'alike') assert.is(ours.length, theirs.length, `${name}: outputs`)
    return new Reader(ours)
  }

  return {
    ...rig,
    witness,
    used,
    said,
    both,
    async stop() {
      await witness.close()
      await rig.stop()
    },
  }
}

/** TPM2B_PRIVATE and TPM2B_PUBLIC, as TPM2_Load wants them, and what proves how the key was made. */
export function readCreated(made: Reader) {
  const blob = concat(made.tpm2bWhole(), made.tpm2bWhole())
  made.tpm2b()
  return { blob, creationHash: made.tpm2bWhole(), creationTicket: made.rest() }
}
