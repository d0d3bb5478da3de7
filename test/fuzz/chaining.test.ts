// time limit: 900 s
// takes: 11 s
// Streams of damaged APDUs through the command parser, the chain and the pieces of an answer, against what a page of
// plain code says of the same stream.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal } from '../../src/bytes.ts'
import { CommandChain, PendingResponse, splitChain } from '../../src/iso7816/chaining.ts'
import { type CommandApdu, encodeCommand, parseCommand } from '../../src/iso7816/command.ts'
import { parseResponse } from '../../src/iso7816/response.ts'
import { StatusError, SW } from '../../src/iso7816/status.ts'
import { filled, octets } from '../support/octets.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const LIMIT = 1000

/** A stream is APDUs, each after its length in two octets. */
const stream = (...apdus: readonly Uint8Array[]): Uint8Array =>
  concat(...apdus.flatMap((apdu) => [Uint8Array.of(apdu.length >> 8, apdu.length & 0xff), apdu]))

function* apdusOf(octets: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 2 <= octets.length; ) {
    const length = ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)
    yield octets.subarray(at + 2, at + 2 + length)
    at += 2 + length
  }
}

const sign = (data: Uint8Array) =>
  splitChain({ cla: 0, ins: 0x87, p1: 0x07, p2: 0x9a, data, le: 256, extended: false }, false)

const seeds = [
  stream(...sign(filled(266))),
  stream(...sign(filled(600))),
  stream(...sign(filled(1001))),
  stream(...sign(filled(900)), octets('00c0000000')),
  stream(sign(filled(266))[0] ?? octets(''), octets('00cb3fff055c035fc10200'), ...sign(filled(300))),
  stream(octets('00200080 08 31323334353637ff'), octets('00200080'), octets('0020008000')),
  stream(octets('00a4040009a0000003080000100000'), octets('00c00000ff')),
  stream(encodeCommand({ cla: 0, ins: 0xdb, p1: 0x3f, p2: 0xff, data: filled(700), le: undefined, extended: true })),
]

/** The plain rules: one string of what belongs together. */
class Model {
  #key = ''
  #data: number[] = []

  add({ cla, ins, p1, p2, data }: CommandApdu): 'more' | 'too long' | Uint8Array {
    const key = [cla & 0xef, ins, p1, p2].join()
    if (key !== this.#key) this.#data = []
    this.#key = key
    this.#data.push(...data)
    const all = Uint8Array.from(this.#data)
    if (all.length <= LIMIT && (cla & 0x10) !== 0) return 'more'
    this.#key = ''
    this.#data = []
    return all.length > LIMIT ? 'too long' : all
  }
}

function added(chain: CommandChain, apdu: CommandApdu): 'more' | 'too long' | Uint8Array {
  try {
    const result = chain.add(apdu)
    return result === 'more' ? 'more' : result.data
  } catch (error) {
    if (error instanceof StatusError && error.sw === SW.WRONG_LENGTH) return 'too long'
    throw error
  }
}

/** The whole answer is what was put in, whatever pieces it is fetched in. */
function fetch(pending: PendingResponse, data: Uint8Array, le: number | undefined): void {
  let answer = pending.take(data, le)
  const pieces = [answer.data]
  for (let turn = 0; answer.sw !== SW.OK; turn += 1) {
    answer = pending.next([undefined, 200, 256][turn % 3])
    pieces.push(answer.data)
  }
  if (!equal(concat(...pieces), data)) throw new Error('the pieces are not the whole')
}

function target(input: Uint8Array): void {
  const [chain, model, pending] = [new CommandChain(LIMIT), new Model(), new PendingResponse()]
  for (const whole of apdusOf(input)) {
    const apdu = parseCommand(whole)
    if (whole.length >= 2) parseResponse(whole)
    if (apdu === undefined) continue
    if (!equal(encodeCommand(apdu), whole)) throw new Error('parsed, but not encoded the same')
    const [is, should] = [added(chain, apdu), model.add(apdu)]
    const same = is instanceof Uint8Array && should instanceof Uint8Array ? equal(is, should) : is === should
    if (!same) throw new Error(`the chain says ${is}, the model ${should}`)
    if (is instanceof Uint8Array) fetch(pending, is, Math.max(1, apdu.le ?? 1))
  }
}

test('chains', async () => {
  assert.ok((await fuzz('chaining', seeds, FUZZ_SECONDS, target, { refusals: [] })) > 1000)
})

test.run()
