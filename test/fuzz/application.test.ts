// time limit: 900 s
// takes: 15 s
// Streams of damaged APDUs to a card application, against the rules of support/rules.ts. A stream may hold what its
// sender knows to do: prove the admin key, reset the card, lose the TPM.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { equal } from '../../src/bytes.ts'
import type { Slot } from '../../src/piv/slots.ts'
import { filled } from '../support/octets.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'
import { DEEDS, partsOf, seeds } from './support/corpus.ts'
import { type Breaking, Observer } from './support/observer.ts'
import { but } from './support/watched.ts'

const good = seeds()

/** Sends a stream to a new card. @throws Error where a rule is not kept, in the stream or after it */
async function run(stream: Uint8Array, breaking?: Breaking): Promise<void> {
  const observer = new Observer(breaking)
  for (const part of partsOf(stream)) {
    if (equal(part, DEEDS.witness)) await observer.begin(0x80)
    else if (equal(part, DEEDS.challenge)) await observer.begin(0x81)
    else if (equal(part, DEEDS.prove)) await observer.prove()
    else if (equal(part, DEEDS.reset)) await observer.reset()
    else if (equal(part, DEEDS.fail)) observer.watched.failing = true
    else await observer.send(part)
  }
  await observer.normalSession()
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** Octets that are in use, and not what the collector has not come to. */
function inUse(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('good streams', async () => {
  for (const stream of good) await run(stream)
})

test('damaged streams', async () => {
  const before = inUse()
  const options = { refusals: [], slowest: 500 }
  assert.ok((await fuzz('card application', good, FUZZ_SECONDS, (stream) => run(stream), options)) > 500)
  const grown = inUse() - before
  console.log(`${grown} octets more are in use`)
  assert.ok(grown < 20e6, `${grown} octets more are in use`)
})

test('a chain without end', async () => {
  const observer = new Observer()
  const part = Uint8Array.of(0x10, 0x87, 0x07, 0x9d, 0xff, ...filled(255))
  const before = inUse()
  for (let count = 0; count < 2000; count += 1) await observer.application.transmit(part.slice())
  assert.ok(inUse() - before < 10e6)
})

const BROKEN: Readonly<Record<string, Breaking>> = {
  'an always key stays usable': (vault) => but(vault, { pins: but(vault.pins, { disarm: async () => undefined }) }),
  'a wrong PIN leaves the card unlocked': (vault) => {
    let open = false
    const verifyPin = async (pin: Uint8Array) => {
      await vault.pins.verifyPin(pin)
      open = true
    }
    const lock = async () => {
      open = false
      await vault.pins.lock()
    }
    const pins = but(vault.pins, {
      verifyPin,
      lock,
      get unlocked() {
        return open
      },
    })
    return but(vault, { pins })
  },
  'a try is lost by asking': (vault) => {
    const pinCounter = async () => {
      await vault.pins.verifyPin(new Uint8Array(8)).catch(() => undefined)
      return vault.pins.pinCounter()
    }
    return but(vault, { pins: but(vault.pins, { pinCounter }) })
  },
  'everybody manages the card': (vault, application) => {
    const find = (slot: Slot) => {
      application().security.grantAdmin()
      return vault.keys.find(slot)
    }
    return but(vault, { keys: but(vault.keys, { find }) })
  },
  'an object is cut off': (vault) => {
    const put = (tag: string, content: Uint8Array) => vault.objects.put(tag, content.slice(0, 500))
    return but(vault, { objects: but(vault.objects, { put }) })
  },
  'a refusal of another kind': (vault) => {
    const get = () => {
      throw new TypeError('oh')
    }
    return but(vault, { objects: but(vault.objects, { get }) })
  },
}

for (const [name, breaking] of Object.entries(BROKEN)) {
  test(`found: ${name}`, async () => {
    const options = { refusals: [] }
    const found = await fuzz(name, good, 20, (stream) => run(stream, breaking), options).then(
      () => 'nothing',
      (error: unknown) => String(error),
    )
    assert.match(found, /TESSERA_TEST_SEED=\d+, case \d+/)
    console.log(found.replace(/^.*input [0-9a-f]*: /s, '').split('\n')[0])
  })
}

test.run()
