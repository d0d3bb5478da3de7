// takes: 8 s
// What a private-key operation costs on its way from `Card` to the TPM: one APDU, and the TPM commands of docs/architecture.md.
import { generateKeyPairSync, publicEncrypt } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CardChannel } from '../../src/channel.ts'
import type { Card } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { between } from '../support/channels.ts'
import { message, refused } from './clauses/clause.ts'
import { PIN, type Subject, startSubject } from './subjects.ts'

const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey

interface Row {
  readonly algorithm: string
  /** The TPM command that does it. */
  readonly command: string
  readonly work: (card: Card, slot: string) => Promise<unknown>
}

const text = async (card: Card, slot: string): Promise<Uint8Array> =>
  publicEncrypt({ key: (await card.keyInfo(slot)).publicKey, oaepHash: 'sha256' }, message)

const ROWS: Readonly<Record<string, Row>> = {
  'ECDSA, P-256': { algorithm: 'P-256', command: 'Sign', work: (card, slot) => card.sign(slot, message) },
  'ECDSA, P-384': { algorithm: 'P-384', command: 'Sign', work: (card, slot) => card.sign(slot, message) },
  'PKCS#1, RSA-2048': { algorithm: 'RSA-2048', command: 'RSA_Decrypt', work: (card, slot) => card.sign(slot, message) },
  'PSS, RSA-2048': {
    algorithm: 'RSA-2048',
    command: 'RSA_Decrypt',
    work: (card, slot) => card.sign(slot, message, { padding: 'pss' }),
  },
  'OAEP, RSA-2048': {
    algorithm: 'RSA-2048',
    command: 'RSA_Decrypt',
    work: async (card, slot) => card.decrypt(slot, await text(card, slot)),
  },
  'ECDH, P-256': { algorithm: 'P-256', command: 'ECDH_ZGen', work: (card, slot) => card.deriveSecret(slot, peer) },
}

/** What each policy adds to the one command, where the key is loaded and the PIN verified. */
const POLICIES = {
  once: { PolicyTicket: 1 },
  never: {},
  always: {},
} as const

/** A channel that counts what goes through it. */
function counting(channel: CardChannel): { channel: CardChannel; apdus(): number } {
  let apdus = 0
  return {
    apdus: () => apdus,
    channel: between(
      channel,
      (apdu, transmit) => {
        apdus += 1
        return transmit(apdu)
      },
      channel,
    ),
  }
}

for (const name of ['embedded', 'swtpm'] as const) {
  let subject: Subject
  test(`${name}: it is there`, async () => {
    subject = await startSubject(name)
  })

  for (const [what, { algorithm, command, work }] of Object.entries(ROWS)) {
    test(`${name}: ${what}: one APDU; two TPM commands for once, one for never, one for always after VERIFY`, async () => {
      try {
        const counted = counting((await subject.fresh()).channel)
        const card = cardOver(counted.channel)
        const spent = async (call: () => Promise<unknown>) => {
          const before = counted.apdus()
          const found = await subject.bench?.spent(async () => void (await call()))
          return { apdus: counted.apdus() - before, commands: found?.commands, writes: found?.writes }
        }
        await card.verifyPin(PIN)
        for (const [pinPolicy, more] of Object.entries(POLICIES) as [keyof typeof POLICIES, object][]) {
          await card.generateKey('82', { algorithm, pinPolicy })
          await card.verifyPin(PIN)
          await work(card, '82') // loads the key
          for (let round = 0; round < 3; round += 1) {
            if (pinPolicy === 'always') await card.verifyPin(PIN)
            const expected = { apdus: 1, commands: { ...more, [command]: 1 }, writes: 0 }
            assert.equal(await spent(() => work(card, '82')), expected, pinPolicy)
          }
          if (pinPolicy === 'always') {
            const no = await spent(() => refused('ERR_PIN_REQUIRED', () => work(card, '82')))
            assert.equal(no, { apdus: 1, commands: {}, writes: 0 }, 'the card itself says no')
          }
        }
      } finally {
        await subject.clear()
      }
    })
  }

  test(`${name}: it is gone`, () => subject.stop())
}

test.run()
