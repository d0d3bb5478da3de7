// takes: 10 s
// Keys that are damaged in a card file whose checksum is right: whoever wrote it knew how. One key is lost, no more.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, listCards } from '../../src/index.ts'
import { type CardFile, type CardFileKey, decodeCardFile, encodeCardFile } from '../../src/tpm/store/card-file.ts'
import { resealer } from '../attacks/support/card-file.ts'
import { flipBit } from '../support/wire.ts'
import { type Bench, KINDS, onBench, PIN } from './bench.ts'
import { refused } from './refusal.ts'
import { assertSigned } from './verify.ts'

const data = new Uint8Array(100)
const SLOTS = ['82', '83', '84'] as const
const LONG = process.env.TESSERA_TEST_LONG === '1'

/** A card with three keys that want no PIN, and a way to write another file in place of its own. */
async function withKeys(bench: Bench) {
  const made = await bench.create()
  await made.verifyPin(PIN)
  for (const slot of SLOTS) {
    await made.generateKey(slot, { pinPolicy: 'never', algorithm: slot === '83' ? 'RSA-2048' : 'P-256' })
  }
  await made.close()
  const path = join(bench.home, 'cards', 'work.card')
  const card = decodeCardFile(readFileSync(path), path)
  // By somebody who reaches the TPM: the seal is right.
  const resealed = await resealer(bench, 'work')
  const put = (changed: CardFile) => writeFileSync(path, encodeCardFile(resealed(changed)))
  return {
    key(slot: string): CardFileKey {
      const key = card.keys[slot]
      if (key === undefined) throw new Error(`no key in ${slot}`)
      return key
    },
    replace: (slot: string, key: CardFileKey) => put({ ...card, keys: { ...card.keys, [slot]: key } }),
    restore: () => put(card),
  }
}

/** The key in `slot` is refused as damaged; where the card can be read at all, the others sign. */
async function lost(bench: Bench, slot: string, what: string): Promise<void> {
  const card = await bench.open()
  await refused('ERR_KEY_DAMAGED', 1, () => card.sign(slot, data)).catch((error) => {
    throw new Error(what, { cause: error })
  })
  const listed = (await listCards({ home: bench.home })).find(({ name }) => name === 'work')
  assert.ok(listed, what)
  if (!('error' in listed)) {
    for (const other of SLOTS.filter((one) => one !== slot)) await card.sign(other, data)
  }
  await card.close()
}

for (const kind of KINDS) {
  test(`${kind}: a private area that no TPM command holds`, () =>
    onBench(kind, async (bench) => {
      const { key, replace } = await withKeys(bench)
      for (const size of [4080, 4096]) {
        const octets = new Uint8Array(size).fill(7)
        octets.set([(size - 2) >> 8, (size - 2) & 0xff])
        replace('82', { ...key('82'), private: octets })
        await lost(bench, '82', `${size} octets`)
      }
    }))

  test(`${kind}: blobs with a bit turned`, () =>
    onBench(kind, async (bench) => {
      const { key, replace, restore } = await withKeys(bench)
      for (const slot of ['82', '83']) {
        for (const part of ['private', 'public'] as const) {
          const octets = key(slot)[part]
          // From the third octet on: the length before it is written anew on the way to the TPM.
          for (let at = 2; at < octets.length; at += LONG ? 1 : 23) {
            replace(slot, { ...key(slot), [part]: flipBit(octets, at, at % 8) })
            await lost(bench, slot, `${part} area of ${slot}, octet ${at}`)
          }
        }
      }
      restore()
      const card = await bench.open()
      for (const slot of SLOTS) assertSigned((await card.keyInfo(slot)).publicKey, data, await card.sign(slot, data))
      await card.close()
    }))

  test(`${kind}: blobs of two keys mixed, cut short, or of another card`, () =>
    onBench(kind, async (bench) => {
      const { key, replace } = await withKeys(bench)
      const { public: publicArea, private: privateArea } = key('84')
      const other = await bench.create({ name: 'other' })
      await other.verifyPin(PIN)
      await other.generateKey('9a')
      await other.close()
      const path = join(bench.home, 'cards', 'other.card')
      const foreign = decodeCardFile(readFileSync(path), path).keys['9a']
      if (foreign === undefined) throw new Error('no key')
      const mixtures: Readonly<Record<string, Partial<CardFileKey>>> = {
        'the public area of another key': { public: publicArea },
        'the private area of another key': { private: privateArea },
        'a public area that is cut short': { public: key('82').public.subarray(0, 40) },
        'a private area that is cut short': { private: key('82').private.subarray(0, 40) },
        'a public area and more': { public: Uint8Array.of(...key('82').public, 0) },
        'nearly nothing': { public: Uint8Array.of(0), private: Uint8Array.of(0) },
      }
      for (const [what, part] of Object.entries(mixtures)) {
        replace('82', { ...key('82'), ...part })
        await lost(bench, '82', what)
      }
      // A key of another card hangs on the PIN of that card, whatever this file says of it.
      replace('82', foreign)
      const card = await bench.open()
      await card.verifyPin(PIN)
      await card.sign('84', data)
      const error: unknown = await card.sign('82', data).catch((refusal: unknown) => refusal)
      assert.instance(error, CardError)
      replace('82', { ...foreign, pinPolicy: 'never' })
      const again = await bench.open()
      assert.instance(await again.sign('82', data).catch((refusal: unknown) => refusal), CardError)
      await again.sign('84', data)
      await card.close()
      await again.close()
    }))
}

test.run()
