// Kill -9 of a swtpm in a storm of wrong PINs: none is forgotten, and no state is unusable.
// takes: 5 s
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SocketBackend } from '../support/backend.ts'
import { CC } from '../support/codes.ts'
import { done } from '../support/done.ts'
import { type Swtpm, startSwtpm } from '../support/swtpm.ts'
import { ALG, RH } from '../support/templates.ts'
import {
  answerCode,
  answerOutput,
  command,
  concat,
  EMPTY,
  passwordArea,
  Reader,
  rcText,
  tpm2b,
  u8,
  u16,
  u32,
} from '../support/wire.ts'
import { type Scratch, scratchLock } from './support/scratch.ts'

const KILLS = process.env.TESSERA_TEST_LONG === '1' ? 3_000 : 300
const BAD_AUTH = 0x9a2
const UNAVAILABLE = 0x12f

const WRONG = new Uint8Array(32).fill(0x77)

/** A client that guesses until the TPM is gone. */
class Guesser {
  readonly #tpm: SocketBackend
  readonly #index: number
  #session = 0

  constructor(path: string, index: number) {
    this.#tpm = new SocketBackend(path)
    this.#index = index
  }

  async #must(code: number, handles: number[], params: Uint8Array, auths: Uint8Array[] = []): Promise<Reader> {
    const answer = await this.#tpm.transmit(command(code, handles, params, auths))
    if (answerCode(answer) !== 0) throw new Error(`${code.toString(16)}: ${rcText(answerCode(answer))}`)
    return new Reader(answerOutput(code, answer))
  }

  /** Wrong tries counted so far. */
  async counted(): Promise<number> {
    const answer = await this.#must(CC.NV_Read, [RH.owner, this.#index], concat(u16(8), u16(0)), [passwordArea()])
    return new Reader(answer.tpm2b()).u32()
  }

  async start(): Promise<void> {
    const params = concat(tpm2b(new Uint8Array(16)), EMPTY, u8(1), u16(ALG.null), u16(ALG.sha256))
    this.#session = (await this.#must(CC.StartAuthSession, [RH.null, RH.null], params)).u32()
  }

  async guess(): Promise<number> {
    const nothing = concat(EMPTY, EMPTY, EMPTY, u32(0))
    const guess = command(CC.PolicySecret, [this.#index, this.#session], nothing, [passwordArea(WRONG)])
    return answerCode(await this.#tpm.transmit(guess))
  }

  release(): void {
    this.#tpm.release()
  }
}

async function target(tries?: number): Promise<{ tpm: Swtpm; scratch: Scratch }> {
  const tpm = await startSwtpm()
  return { tpm, scratch: await scratchLock({ tcti: tpm.tcti, stateFile: '', createState: false }, tries) }
}

/** Guesses until the TPM is killed, `answers` guesses and some time from now; how many were answered. */
async function storm(tpm: Swtpm, guesser: Guesser, answers: number): Promise<number> {
  let answered = 0
  let dead: Promise<void> | undefined
  try {
    await guesser.start()
    for (;;) {
      const code = await guesser.guess()
      assert.is(code, BAD_AUTH, rcText(code))
      answered += 1
      // a moment anywhere in the guesses that follow
      if (answered === answers) dead = pause(3 * Math.random()).then(() => tpm.kill())
    }
  } catch (error) {
    if (dead === undefined) throw error
    await dead
  }
  return answered
}

test(`${KILLS} kills: no wrong PIN is forgotten, no state is unusable`, async () => {
  const { tpm, scratch } = await target()
  let counted = 0
  let answered = 0
  const started = performance.now()
  for (let kill = 1; kill <= KILLS; kill++) {
    const guesser = new Guesser(tpm.path, scratch.index)
    const now = await storm(tpm, guesser, 1 + Math.floor(40 * Math.random()))
    answered += now
    await tpm.restart()
    const after = new Guesser(tpm.path, scratch.index)
    const count = await after.counted()
    after.release()
    const extra = count - counted - now
    assert.ok(
      extra === 0 || extra === 1,
      `kill ${kill}: ${now} wrong PINs were answered, ${count - counted} are counted`,
    )
    counted = count
  }
  const rate = Math.round((1000 * KILLS) / (performance.now() - started))
  console.log(`  ${KILLS} kills, ${rate}/s: ${answered} wrong PINs answered, ${counted} counted`)
  done(KILLS, 'kills')
  assert.ok(answered > KILLS)
  assert.is(await scratch.prove(), counted)
  await tpm.stop()
})

test('limit 3, killed after each guess: three are compared, then the right PIN is refused as well', async () => {
  const { tpm, scratch } = await target(3)
  const codes: number[] = []
  for (let life = 0; life < 6; life++) {
    const guesser = new Guesser(tpm.path, scratch.index)
    await guesser.start()
    codes.push(await guesser.guess())
    guesser.release()
    await tpm.kill()
    await tpm.restart()
  }
  assert.equal(codes, [BAD_AUTH, BAD_AUTH, BAD_AUTH, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE])
  const error = await scratch.prove().then(
    () => undefined,
    (reason: Error & { code?: string }) => reason,
  )
  assert.is(error?.code, 'ERR_PIN_BLOCKED')
  await tpm.stop()
})

test.run()
