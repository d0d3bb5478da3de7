// Cards and journal entries for tests: one that never changes (the golden files hold it), and arbitrary ones by seed.

import { SLOTS } from '../../../src/piv/slots.ts'
import { APPROVALS, type CardFile, type CardFileKey } from '../../../src/tpm/store/card-file.ts'
import type { JournalEntry } from '../../../src/tpm/store/journal.ts'
import { storedTcti } from '../../../src/tpm/stored-tcti.ts'

const run = (length: number, from: number) => Uint8Array.from({ length }, (_, at) => (from + at * 7) & 0xff)

/** Never changes: a file of version 1 with this card is in golden/. */
export const sampleCard = (name = 'work'): CardFile => ({
  name,
  cardId: run(16, 1),
  created: '2026-01-31T12:00:00.000Z',
  tcti: storedTcti('swtpm:host=127.0.0.1,port=2321'),
  assurance: 'software',
  srk: { handle: 0x81000001, name: run(34, 2) },
  tpm: { manufacturer: 'IBM', firmware: '2019.1023', vendor: 'SW   TPM' },
  pin: { handle: 0x01800000, name: run(34, 3), tries: 5 },
  puk: { handle: 0x01800001, name: run(34, 4), tries: 3, present: true },
  burnKey: run(90, 5),
  approvals: {
    changePin: { policy: run(32, 6), signature: run(64, 7) },
    unblockCounter: { policy: run(32, 8), signature: run(64, 9) },
  },
  helpDeskKey: run(90, 10),
  unlockSeconds: 900,
  flags: { mustChangePin: true, defaults: ['pin', 'adminKey'] },
  advisory: { pinLeft: 5, pukLeft: 3 },
  adminKey: { private: run(100, 11), public: run(80, 12) },
  keys: {
    '9a': {
      algorithm: 'P-256',
      pinPolicy: 'once',
      origin: 'generated',
      public: run(90, 13),
      private: run(190, 14),
      creation: { data: run(115, 15), hash: run(32, 16), ticket: run(40, 17) },
    },
    '82': {
      algorithm: 'RSA-2048',
      pinPolicy: 'never',
      origin: 'imported',
      public: run(282, 18),
      private: run(230, 19),
    },
  },
  objects: { '5fc102': run(59, 20), '7e': new Uint8Array() },
})

/** Never changes: golden/card-v2.card holds it. */
export const sealedSample = (): CardFile => ({
  ...sampleCard(),
  seal: {
    key: { public: run(80, 21), private: run(100, 22) },
    mac: run(32, 23),
    pin: {
      key: { public: run(112, 24), private: run(100, 25) },
      approval: run(64, 26),
      coversKeys: false,
      mac: run(32, 27),
    },
  },
})

/** Never changes: golden/journal-v1.journal holds it. */
export const sampleEntry = (name = 'work'): JournalEntry => ({
  kind: 'create',
  name,
  cardId: run(16, 1),
  tcti: 'swtpm:host=127.0.0.1,port=2321',
  srkName: run(34, 2),
  pin: { handle: 0x01800000, names: [run(34, 3), run(34, 4)] },
  puk: { handle: 0x01800001, names: [run(34, 5), run(34, 6)] },
})

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An arbitrary card that a file may hold. */
export function arbitraryCard(seed: number): CardFile {
  const next = random(seed)
  const integer = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  const octets = (least: number, most = least) =>
    Uint8Array.from({ length: integer(least, most) }, () => integer(0, 255))
  const oneOf = <T>(list: readonly [T, ...T[]]) => list[integer(0, list.length - 1)] ?? list[0]
  const some = <T>(list: readonly T[]) => list.filter(() => next() < 0.5)
  const maybe = <T>(make: () => T) => (next() < 0.5 ? make() : undefined)
  const words = (most: number) =>
    Array.from({ length: integer(0, most) }, () =>
      oneOf(['a', 'Z', '"', '\\', '\n', '\u0000', 'ä', '\u2028', '😀']),
    ).join('')
  const blobs = () => ({ public: octets(1, 200), private: octets(1, 200) })
  const key = (): CardFileKey => ({
    algorithm: oneOf(['P-256', 'P-384', 'RSA-2048', 'RSA-3072']),
    pinPolicy: oneOf(['never', 'once', 'always']),
    origin: oneOf(['generated', 'imported']),
    certifiable: maybe(() => true as const),
    public: octets(1, 500),
    private: octets(1, 900),
    creation: maybe(() => ({ data: octets(1, 200), hash: octets(1, 66), ticket: octets(1, 80) })),
  })
  return {
    name: `${oneOf(['a', 'Z', '0', '_'])}${oneOf(['', '.card', '-1', 'x'.repeat(63).slice(5)])}`,
    cardId: octets(16),
    created: new Date(integer(0, 4e12)).toISOString(),
    tcti: storedTcti(`x${words(30)}`),
    assurance: oneOf(['hardware', 'software']),
    srk: { handle: integer(0x81000000, 0x81ffffff), name: octets(34) },
    tpm: { manufacturer: words(20), firmware: words(20), vendor: maybe(() => words(20)) },
    pin: { handle: integer(0x01000000, 0x01ffffff), name: octets(34), tries: integer(1, 10) },
    puk: { handle: integer(0x01000000, 0x01ffffff), name: octets(34), tries: integer(1, 10), present: next() < 0.5 },
    burnKey: octets(1, 200),
    burn: maybe(() => ({ attest: octets(1, 200), signature: octets(1, 80), creationData: octets(1, 100) })),
    approvals: Object.fromEntries(some(APPROVALS).map((name) => [name, { policy: octets(32), signature: octets(64) }])),
    helpDeskKey: maybe(() => octets(1, 200)),
    unlockSeconds: integer(1, 3600),
    flags: { mustChangePin: next() < 0.5, defaults: some(['adminKey', 'pin', 'puk'] as const) },
    advisory: maybe(() => ({ pinLeft: integer(0, 10), pukLeft: integer(0, 10) })),
    adminKey: maybe(() => ({ private: octets(1, 300), public: octets(1, 300) })),
    ak: maybe(() => ({
      key: { ...blobs(), creation: { data: octets(1, 200), hash: octets(1, 66), ticket: octets(1, 80) } },
      certificates: some([octets(1, 500), octets(1, 500)]),
    })),
    attestationKey: maybe(() => {
      const { pinPolicy: _, ...unguarded } = key()
      return unguarded
    }),
    keys: Object.fromEntries(some([...SLOTS.keys()]).map((slot) => [slot, key()])),
    seal: maybe(() => ({
      key: blobs(),
      mac: octets(32),
      pin: { key: blobs(), approval: octets(64), coversKeys: next() < 0.5, mac: octets(32) },
    })),
    objects: Object.fromEntries(some(['7e', '5fc102', '5fc105', '10', '500001']).map((tag) => [tag, octets(0, 3000)])),
  }
}
