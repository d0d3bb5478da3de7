// Tests of the card application by APDUs, on a card in memory and on one in a TPM.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Answer, Edge, octets, SELECT, type Secrets } from '../../src/validate/card/assertions/edge.ts'
import { ADMIN_KEY, type NewCardOptions, PIN, PUK, type Subject, type SubjectName, startSubject } from './subjects.ts'

const NAMES: readonly SubjectName[] = ['memory', 'embedded']

/** What a new card has, as its edge sees it. */
export const SECRETS: Secrets = {
  pin: PIN,
  newPin: '71650842',
  puk: PUK,
  tries: { pin: 5, puk: 5 },
  adminKey: ADMIN_KEY,
}

export interface AtEdge {
  readonly edge: Edge
  readonly subject: Subject
}

type Work = (at: AtEdge) => Promise<void>
const planned: (readonly [title: string, work: Work, options: NewCardOptions])[] = []

/** Plans a test: `work` has a new card of its own, PIV selected. */
export function atEdge(title: string, work: Work, options: NewCardOptions = {}): void {
  planned.push([title, work, options])
}

/** Runs what was planned, on every kind of card. */
export function runAtEdge(): void {
  for (const name of NAMES) {
    let subject: Subject
    test(`${name}: it is there`, async () => {
      subject = await startSubject(name)
    })
    for (const [title, work, options] of planned) {
      test(`${name}: ${title}`, async () => {
        try {
          const { channel } = await subject.fresh(options)
          const edge = new Edge(channel, SECRETS)
          await answers(edge, SELECT, 0x9000)
          await work({ edge, subject })
        } finally {
          await subject.clear()
        }
      })
    }
    test(`${name}: it is gone`, () => subject.stop())
  }
  test.run()
}

const hexOf = (sw: number): string => sw.toString(16).padStart(4, '0')

/** Sends an APDU and fails unless it is answered so; answers the data. */
export async function answers(edge: Edge, apdu: string | Uint8Array, sw: number, why = ''): Promise<Uint8Array> {
  const answer = await edge.send(apdu)
  is(answer, sw, `${typeof apdu === 'string' ? apdu : Buffer.from(apdu).toString('hex')} ${why}`)
  return answer.data
}

/** Fails unless the answer has this status word, and no data with a refusal. */
export function is({ data, sw }: Answer, expected: number, why: string): void {
  assert.is(hexOf(sw), hexOf(expected), why)
  if (sw !== 0x9000 && sw >> 8 !== 0x61) assert.is(data.length, 0, why)
}

export { octets }
