// time limit: 900 s
// takes: 40 s
// Kill -9 at every step of a renewal with a new key: the next call finishes it, or gives it up, and between the two the
// card always has a key that its certificate is for. Steps are those on files, and the commands to the embedded TPM.
import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { localChannel } from '../../src/cards/local-card.ts'
import { abandon } from '../../src/enroll/abandon.ts'
import { isFor } from '../../src/enroll/chain.ts'
import { enrol } from '../../src/enroll/enroll.ts'
import { estProtocol } from '../../src/enroll/index.ts'
import { Enrolments } from '../../src/enroll/state.ts'
import { type Files, filesOver, files as systemFiles } from '../../src/files/files.ts'
import { processLocks } from '../../src/home/locks.ts'
import { type Card, createCard } from '../../src/index.ts'
import { cardOver } from '../../src/piv/host/card.ts'
import { openTpmCard } from '../../src/tpm/open.ts'
import {
  type Disk,
  fingerprint,
  readDisk,
  type Watch,
  watchedSteps,
  watchingTpm,
  writeDisk,
} from '../crash/support/snapshots.ts'
import { PASSWORDS, startLab } from '../lab-ca/support.ts'
import { done } from '../support/done.ts'
import { program } from '../support/program.ts'
import { tempDir, within } from '../support/temp.ts'
import { type TestCa, testCa } from './support/ca.ts'

const PIN = '135790'
const root = tempDir('crash')
const enrolments = (home: string, files: Files = systemFiles) =>
  new Enrolments(join(home, 'enrolments'), files, processLocks(files))
const left = (home: string): string[] => {
  try {
    return readdirSync(join(home, 'enrolments')).filter((name) => name.endsWith('.enrolment'))
  } catch {
    return []
  }
}

async function opened<T>(home: string, work: (card: Card) => Promise<T>, files: Files = systemFiles): Promise<T> {
  const card = cardOver(localChannel(await openTpmCard({ home, tcti: 'embedded:', files }, 'work')))
  try {
    await card.verifyPin(PIN)
    return await work(card)
  } finally {
    await card.close()
  }
}

/** A card with a certificate in a slot. */
async function prepared(home: string, ca: TestCa, slot: string): Promise<Uint8Array> {
  mkdirSync(home)
  const card = await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })
  await card.close()
  return opened(home, async (one) => {
    const result = await enrol(one, { ca, slot, pin: PIN }, enrolments(home))
    return result.state === 'enrolled' ? result.certificate : new Uint8Array(0)
  })
}

/** The key that a certificate in a slot is for: it has to be in the slot, or on its way there. */
async function whole(card: Card, home: string, slot: string): Promise<'whole' | 'between'> {
  const found = await card.getCertificate(slot)
  assert.ok(found, 'there is a certificate')
  const { publicKey } = new X509Certificate(found.certificate)
  const key = (await card.keys()).find((one) => one.slot === slot)?.publicKey
  if (key?.equals(publicKey)) {
    const message = Buffer.from('a message')
    await card.sign(slot, message, { pin: PIN })
    return 'whole'
  }
  const [file] = left(home)
  assert.ok(file, 'an enrolment is under way that knows both')
  return 'between'
}

async function sweep(slot: string, keyUsage: string): Promise<Record<string, number>> {
  const ca = testCa()
  ca.wanted = { extensions: [`keyUsage=${keyUsage}`] }
  const home = join(root, `home-${slot}`)
  const old = await prepared(home, ca, slot)
  const disks = new Map<string, { readonly disk: Disk; readonly what: string }>()
  let points = 0
  const seen: Watch = (side, what) => {
    points += 1
    const disk = readDisk(home)
    const print = fingerprint(disk)
    if (!disks.has(print)) disks.set(print, { disk, what: `point ${points}, ${side} ${what}` })
  }
  const files = filesOver(watchedSteps(seen))
  const options = { ca, slot, pin: PIN, renew: true, key: 'new' } as const
  await watchingTpm(seen, () => opened(home, (card) => enrol(card, options, enrolments(home, files)), files))

  const found: Record<string, number> = { points, disks: disks.size }
  let number = 0
  for (const { disk, what } of disks.values()) {
    for (const way of ['go on', 'give up'] as const) {
      number += 1
      const place = join(root, `disk-${slot}-${number}`)
      writeDisk(disk, place)
      try {
        await opened(place, async (card) => {
          const state = await whole(card, place, slot)
          const pending = left(place).length > 0
          if (way === 'give up') await abandon(card, slot, {}, enrolments(place))
          else if (pending) await enrol(card, options, enrolments(place))
          const after = await whole(card, place, slot)
          assert.is(after, 'whole')
          assert.equal(left(place), [])
          const certificate = (await card.getCertificate(slot))?.certificate ?? new Uint8Array(0)
          const renewed = Buffer.compare(certificate, old) !== 0
          if (way === 'go on' && pending) assert.ok(renewed, 'renewed')
          // Nothing of it is left anywhere: with a key that is kept there are two, else one.
          const keys = (await card.keys()).map((one) => one.slot)
          assert.is(keys.length, slot === '9d' && renewed ? 2 : 1, keys.join())
          if (keys.length === 2)
            assert.ok(
              isFor(new X509Certificate(old), (await card.keyInfo(keys.find((one) => one !== slot) ?? '')).publicKey),
            )
          const outcome = `${state}, ${way}: ${renewed ? 'renewed' : 'as before'}`
          found[outcome] = (found[outcome] ?? 0) + 1
        })
      } catch (error) {
        throw new Error(`${what}, ${way}: ${error instanceof Error ? error.stack : error}`)
      }
    }
  }
  return found
}

for (const [slot, usage] of [
  ['9a', 'digitalSignature'],
  ['9d', 'keyAgreement'],
] as const) {
  test(`every disk that a kill can leave, slot ${slot}`, async () => {
    const found = await sweep(slot, usage)
    console.log(`  ${slot}:`, found)
    done(found.points ?? 0, 'points')
    assert.ok((found.points ?? 0) > 60)
    const outcomes = Object.keys(found)
    for (const one of ['whole, go on: renewed', 'whole, give up: as before', 'between, go on: renewed']) {
      assert.ok(outcomes.includes(one), one)
    }
  })
}

test('SIGKILL at each event of an enrolment over EST: the same call finishes it', async () => {
  const lab = await startLab()
  const home = join(root, 'killed')
  mkdirSync(home)
  const card = await createCard({ name: 'work', home, tcti: 'embedded:', pin: PIN })
  await card.close()
  await opened(home, (one) => {
    const credentials = { user: 'alice', password: Buffer.from(PASSWORDS.alice) }
    const ca = estProtocol({ url: lab.url, ca: lab.pem, credentials })
    return enrol(one, { ca, pin: PIN, template: 'smartcard-user' }, enrolments(home))
  })
  const run = async (at: number) => {
    const argv = [home, lab.url, lab.certificateFile, 'alice', PASSWORDS.alice, String(at)]
    const child = spawn(process.execPath, [...program('test/enroll/support/child.ts'), ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    const [code, signal] = await within(once(child, 'close'), 120_000, `event ${at}`)
    return { code, signal, said }
  }
  let at = 1
  for (; ; at += 1) {
    const { signal, code, said } = await run(at)
    if (signal !== 'SIGKILL') {
      assert.is(code, 0)
      assert.match(said, 'enrolled')
      break
    }
    const { said: then } = await run(0)
    assert.match(then, 'enrolled', `after event ${at}`)
  }
  assert.ok(at >= 7, `${at} events`)
  await opened(home, async (one) => {
    assert.is(await whole(one, home, '9a'), 'whole')
    assert.is((await one.keys()).length, 1)
  })
  await lab.close()
})

test.run()
