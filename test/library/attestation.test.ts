// takes: 6 s
// The attestation key of a card in a TPM: made once and whole, what it costs, and what a fault on the way leaves.
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { localChannel } from '../../src/cards/local-card.ts'
import { filesOver } from '../../src/files/files.ts'
import { type Card, CardError } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import { type CardFile, decodeCardFile } from '../../src/tpm/store/card-file.ts'
import { resealFile } from '../attacks/support/card-file.ts'
import { failing, watched } from '../store/support/steps.ts'
import { flipBit } from '../support/wire.ts'
import { type Bench, KINDS, onBench, PIN } from './bench.ts'
import { refused } from './refusal.ts'

async function withKey(bench: Bench): Promise<void> {
  const card = await bench.create()
  await card.verifyPin(PIN)
  await card.generateKey('9a')
  await card.close()
}

const pathOf = ({ home }: Bench): string => join(home, 'cards', 'work.card')
const fileOf = (bench: Bench): CardFile => decodeCardFile(readFileSync(pathOf(bench)), pathOf(bench))

/** The attestation is by the issuer that the card has. */
async function attested(card: Card): Promise<X509Certificate> {
  const certificate = new X509Certificate(await card.attest('9a'))
  const issuer = new X509Certificate((await card.attestationIssuer()) ?? new Uint8Array(0))
  assert.ok(certificate.verify(issuer.publicKey))
  return issuer
}

for (const kind of KINDS) {
  test(`${kind}: the first attestation makes a key and writes the file once, each later one is a signature`, () =>
    onBench(kind, async (bench) => {
      await withKey(bench)
      const card = await bench.open()
      const first = await bench.spent(() => card.attest('9a'))
      assert.equal([first.commands.Create, first.commands.Load, first.commands.Sign], [1, 2, 2])
      const { attestationKey, objects } = fileOf(bench)
      assert.equal([attestationKey?.algorithm, attestationKey?.origin], ['P-256', 'generated'])
      assert.ok(attestationKey?.creation, 'without its creation data it could not be attested itself')
      assert.equal(Object.keys(objects), ['5fff01'])
      const written = readFileSync(pathOf(bench))
      const later = await bench.spent(() => attested(card))
      assert.equal([later.commands, later.writes], [{ Sign: 1 }, 0])
      assert.equal(readFileSync(pathOf(bench)), written)
      await card.close()
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
    }))

  test(`${kind}: two who begin at the same time have one key in the end`, () =>
    onBench(kind, async (bench) => {
      await withKey(bench)
      const cards = [await bench.open(), await bench.open()]
      const attestations = await Promise.all(cards.map(async (card) => new X509Certificate(await card.attest('9a'))))
      const issuers = await Promise.all(cards.map(attested))
      assert.equal(issuers[0]?.raw, issuers[1]?.raw)
      for (const one of attestations) assert.ok(one.verify((issuers[0] ?? one).publicKey))
      for (const card of cards) await card.close()
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
    }))
}

test('a fault at every step of the first one: both key and certificate, or neither', () =>
  onBench('embedded', async (bench) => {
    const { home } = bench
    await withKey(bench)
    const before = readFileSync(pathOf(bench))
    for (let at = 0; ; at += 1) {
      const fault = failing(at, 'ENOSPC', true)
      let failed: unknown
      try {
        const vault = await openTpmCard({ home, files: filesOver(watched(fault.watch)) }, 'work')
        const card = cardOver(localChannel(vault))
        await card.attest('9a').catch((error: unknown) => {
          failed = error
        })
        await card.close()
      } catch (error) {
        failed = error
      }
      if (failed !== undefined) assert.ok(failed instanceof CardError, `step ${at}: ${failed}`)
      assert.equal(await bench.loaded(), { objects: 0, sessions: 0 })
      const { attestationKey, objects } = fileOf(bench)
      assert.is(attestationKey === undefined, objects['5fff01'] === undefined, `step ${at}`)
      writeFileSync(pathOf(bench), before)
      if (!fault.reached()) break
    }
    const card = await bench.open()
    await attested(card)
    await card.close()
  }))

test('a damaged attestation key is said to be damaged, and the other keys work', () =>
  onBench('swtpm', async (bench) => {
    await withKey(bench)
    const card = await bench.open()
    await card.attest('9a')
    await card.close()
    const file = fileOf(bench)
    const { attestationKey } = file
    if (attestationKey === undefined) throw new Error('no attestation key')
    const damaged = { ...attestationKey, private: flipBit(attestationKey.private, 40) }
    await resealFile(bench, 'work', (card) => ({ ...card, attestationKey: damaged }))
    const opened = await bench.open()
    await refused('ERR_KEY_DAMAGED', 1, () => opened.attest('9a'))
    await opened.verifyPin(PIN)
    await opened.sign('9a', new Uint8Array(3))
    await opened.close()
  }))

test.run()
