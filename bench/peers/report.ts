// The comparison with peers as JSON and as a page.
import type { Latency } from '../measure/statistics.ts'
import { about } from '../report/markdown.ts'
import type { Results } from '../report/results.ts'
import { table } from '../report/table.ts'

export interface PeerResult extends Latency {
  readonly algorithm: string
  readonly name: string
  /** Signatures a second: the median of the rounds. */
  readonly rate: number
  /** How often as fast Card is in the same round: the median of the rounds. */
  readonly cardIs: number
}

export type PeerResults = Pick<Results, 'format' | 'made' | 'commit' | 'machine' | 'versions' | 'settings'> & {
  readonly peers: readonly PeerResult[]
}

const TARGETS = [
  { algorithm: 'P-256', least: 7, leastSlow: 5 },
  { algorithm: 'RSA-2048', least: 2, leastSlow: 1.9 },
] as const

/** The bare loop's time for a signature with P-256 on swtpm, in microseconds; 333 where the targets were set. */
const SLOW_US = 450

const NOTES = `Each of them signs one after the other, from Node, on a swtpm of its own. What they check differs:
\`Card\` has the TPM check the PIN by policy and verifies every answer; tpm2-pkcs11 has it check a password that is sealed
under the PIN, over sessions that encrypt; the bare loop, tpm2_sign and ffi-napi send an empty password; SoftHSM2 has no
TPM at all. tpm2-pkcs11 cannot make a token on a bare swtpm ("out of memory for object contexts"): it was made with
tools that flush what they load, and signs without a resource manager. OpenSC's module sees the card of \`tessera serve\`
through pcscd. pkcs11js and ffi-napi keep the event loop waiting for the whole signature; \`Card\` does not.`

export const peersMarkdown = (results: PeerResults): string => `# Peers\n\n${peersFigures(results)}`

/** What bench/NOTES.md shows of it too. */
export function peersFigures(results: PeerResults): string {
  const bare = results.peers.find((one) => one.algorithm === 'P-256' && one.name.startsWith('bare loop'))
  const slow = bare !== undefined && bare.p50 > SLOW_US
  const targets = TARGETS.map(({ algorithm, least: quick, leastSlow }) => {
    const least = slow ? leastSlow : quick
    const found = results.peers.find((one) => one.algorithm === algorithm && one.name.startsWith('tpm2-pkcs11'))
    const result = found === undefined ? 'not run' : `${Number(found.cardIs.toPrecision(3))} times`
    const met = found === undefined ? '' : found.cardIs >= least ? 'met' : 'not met'
    return [`Card.sign ${algorithm}, once, against tpm2-pkcs11`, `at least ${least} times its rate`, result, met]
  })
  const rows = results.peers.map((one) => [
    ...[one.algorithm, one.name, one.rate, one.p50, one.p95, one.p99, one.cardIs],
  ])
  const head = ['key', 'who', 'a second', 'p50, us', 'p95, us', 'p99, us', 'Card is so often as fast']
  return [
    `${about(results).join('\n\n')}\n`,
    `${table(['case', 'target', 'result', ''], targets)}\n`,
    `${NOTES}\n\n${table(head, rows)}\n`,
  ].join('\n')
}
