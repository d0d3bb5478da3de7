// takes: 9 s
// Creating and destroying a card while answers are forged or lost: it works, or it fails in words and the next call
// clears up. Nothing is left in the TPM or on the disk.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, destroyCard, type ErrorCode, listCards } from '../../src/index.ts'
import type { TpmProxy } from '../support/proxy.ts'
import { type Bench, onBench, PIN } from './bench.ts'
import { COMMON, chosen, FORGERIES, forging, judge, onceMore } from './forgeries.ts'
import { nvIndices } from './tpm-view.ts'

const MAY: readonly ErrorCode[] = [
  ...COMMON,
  'ERR_TPM_NO_PIN_INDEX', // the refusal was forged
  'ERR_TPM_SRK', // the storage key looked unfit
  'ERR_CARD_OTHER_TPM', // or like another one
  'ERR_NOT_SUPPORTED',
]

async function withProxy(work: (bench: Bench, proxy: TpmProxy) => Promise<void>): Promise<void> {
  await onBench('swtpm', async (bench) => {
    if (bench.proxy === undefined) throw new Error('no proxy')
    await work(bench, bench.proxy)
  })
}

/** Lock files stay; a journal, a half-written file or a card does not. */
const files = (home: string): string[] =>
  (existsSync(join(home, 'cards')) ? readdirSync(join(home, 'cards')) : []).filter(
    (name) => !name.endsWith('.lock') && !name.endsWith('.journal-lock'),
  )

async function gone(bench: Bench): Promise<void> {
  await destroyCard('work', { home: bench.home }).catch((error) => {
    assert.ok(error instanceof CardError && error.code === 'ERR_CARD_NOT_FOUND', String(error))
  })
}

async function assertClear(bench: Bench, what: string): Promise<void> {
  assert.equal(await nvIndices(bench.transmit), [], what)
  assert.equal(await bench.loaded(), { objects: 0, sessions: 0 }, what)
  assert.equal(files(bench.home), [], what)
}

test('create: every answer forged', () =>
  withProxy(async (bench, proxy) => {
    for (const [number, [how, forge]] of Object.entries(FORGERIES).entries()) {
      for (let at = 1; ; at += 1) {
        if (!chosen(number, at)) continue
        const { name, error } = await forging(proxy, at, forge, async () => (await bench.create()).close())
        const what = `create, ${name} (${at}): ${how}`
        judge(error, MAY, what)
        if (error === undefined) assert.is((await listCards({ home: bench.home })).length, 1, what)
        else if (files(bench.home).includes('work.card')) throw new Error(`${what}: a card that was not made`)
        await onceMore(() => (error === undefined ? bench.open() : bench.create())).then(async (card) => {
          await card.verifyPin(PIN)
          await card.close()
        })
        assert.is((await nvIndices(bench.transmit)).length, 2, what)
        await gone(bench)
        await assertClear(bench, what)
        if (name === undefined) break
      }
    }
  }))

test('destroy: every answer forged', () =>
  withProxy(async (bench, proxy) => {
    for (const [number, [how, forge]] of Object.entries(FORGERIES).entries()) {
      for (let at = 1; ; at += 1) {
        if (!chosen(number, at)) continue
        await (await onceMore(() => bench.create())).close()
        const { name, error } = await forging(proxy, at, forge, () => destroyCard('work', { home: bench.home }))
        const what = `destroy, ${name} (${at}): ${how}`
        judge(error, MAY, what)
        if (error === undefined) assert.equal(await listCards({ home: bench.home }), [], what)
        await onceMore(() => gone(bench))
        await assertClear(bench, what)
        if (name === undefined) break
      }
    }
  }))

test.run()
