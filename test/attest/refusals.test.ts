// Evidence in which one thing is wrong: each is refused, by a name of its own.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Evidence } from '../../src/attest/evidence.ts'
import { REFUSALS } from '../../src/attest/refusal.ts'
import { equal } from '../../src/bytes.ts'
import { evidence, other, verify } from './support/world.ts'
import { WRONG_CHAINS } from './support/wrong-chains.ts'
import { WRONG_STRUCTURES } from './support/wrong-structures.ts'

const ROWS = { ...WRONG_STRUCTURES, ...WRONG_CHAINS }

for (const [group, rows] of Object.entries(ROWS)) {
  test(`${group}: each is refused by name`, () => {
    for (const [what, given, code, more] of rows) {
      const verdict = verify(given, more)
      assert.is(verdict.refusal?.code, code, `${group}: ${what}`)
      assert.not(verdict.accepted, what)
      assert.equal(
        [verdict.proofs, verdict.key, verdict.pin, verdict.device],
        [[], undefined, undefined, undefined],
        what,
      )
    }
  })
}

/** In test/attest/yubico.test.ts, and in that of certificate requests. */
const ELSEWHERE = ['not-attestation', 'wrong-issuer', 'request-signature', 'request-key']

test('every name has a row', () => {
  const used = new Set<string>(Object.values(ROWS).flatMap((rows) => rows.map(([, , code]) => code)))
  assert.equal(
    Object.keys(REFUSALS).filter((code) => !used.has(code) && !ELSEWHERE.includes(code)),
    [],
  )
})

/** All octets in a document, with a way to change them there. */
function* fields(given: unknown, path: readonly string[] = []): Iterable<readonly string[]> {
  if (given instanceof Uint8Array) yield path
  else if (typeof given === 'object' && given !== null)
    for (const [name, value] of Object.entries(given)) yield* fields(value, [...path, name])
}

function replaced<T>(given: T, path: readonly string[], change: (old: unknown) => unknown): T {
  const [name, ...rest] = path
  if (name === undefined) return change(given) as T
  const copy = (Array.isArray(given) ? [...given] : { ...given }) as Record<string, unknown>
  copy[name] = replaced(copy[name], rest, change)
  return copy as T
}

const lookUp = (given: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], given)

/** The certificate of another endorsement key proves nothing about this TPM, and is no lie. */
const isLess = (given: Evidence, path: readonly string[]): boolean =>
  path[0] === 'ek' && verify(given).device?.tier === 'activated'

/** TPMA_OBJECT of the attestation key: its CA vouches for it, and rows above have what must be set. */
const isAkAttribute = (path: readonly string[], at: number) => path.join('.') === 'ak.public' && at >= 4 && at < 8

test('no octet of it can be changed', () => {
  let flipped = 0
  for (const path of fields(evidence)) {
    const { length } = lookUp(evidence, path) as Uint8Array
    // Of certificates every fifth: OpenSSL takes a while to see that each is none.
    const step = path.includes('certificates') ? 5 : 1
    for (let at = 0; at < length; at += step) {
      if (isAkAttribute(path, at)) continue
      const flip = (old: unknown) => (old as Uint8Array).map((octet, index) => (index === at ? octet ^ 0x01 : octet))
      const given = replaced(evidence, path, flip)
      assert.ok(!verify(given).accepted || isLess(given, path), `${path.join('.')}, octet ${at}`)
      flipped += 1
    }
  }
  assert.ok(flipped > 1000, `${flipped}`)
})

test('none of its parts can be cut off, or be that of another card', () => {
  for (const path of fields(evidence)) {
    const theirs = lookUp(other, path) as Uint8Array
    const changes: ReadonlyArray<(old: unknown) => unknown> = [
      (old) => (old as Uint8Array).slice(0, -1),
      (old) => (old as Uint8Array).slice(1),
      ...(equal(theirs, lookUp(evidence, path) as Uint8Array) || path[0] === 'ek' ? [] : [() => theirs]),
    ]
    for (const change of changes) {
      const given = replaced(evidence, path, change)
      assert.ok(!verify(given).accepted || isLess(given, path), path.join('.'))
    }
  }
  for (const name of ['key', 'ak', 'pin'] as const)
    assert.not(verify({ ...evidence, [name]: other[name] }).accepted, name)
})

test.run()
