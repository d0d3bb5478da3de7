// takes: 8 s
// The checks of a TPM: each passes on the embedded one, and finds the TPM that is wrong on purpose, a shim before it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TPM_MAKER_INTERMEDIATES } from '../../src/attest/makers/tpm.ts'
import { createCard } from '../../src/cards/create.ts'
import { listCards } from '../../src/cards/list.ts'
import { command, NO_PASSWORD } from '../../src/tpm/command.ts'
import { CC, NV, RH } from '../../src/tpm/constants.ts'
import { TpmDevice } from '../../src/tpm/devices.ts'
import { defineIndex, indexName, usedIndices } from '../../src/tpm/lock/nv.ts'
import { LOCK } from '../../src/tpm/lock/table.ts'
import { ORDERS } from '../../src/validate/quality/curves.ts'
import { inverse, modulo, toNumber } from '../../src/validate/quality/numbers.ts'
import { SCRATCH_CARD } from '../../src/validate/tpm/card.ts'
import { errataOf } from '../../src/validate/tpm/errata.ts'
import { endorsed } from '../../src/validate/tpm/facts.ts'
import { TPM_CHECKS, withTpm } from '../../src/validate/tpm/index.ts'
import { Scratch, scratchScalar } from '../../src/validate/tpm/scratch.ts'
import { type Exchange, type Hooks, startProxy } from '../support/proxy.ts'
import { Random } from '../support/random.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { numberBelow, rOf } from './support/devices.ts'
import { answering, codeOf, type Shim, startShimmedTpm, withValue } from './support/tpm.ts'

const CHECKS = new Map(TPM_CHECKS.map((check) => [check.id, check]))
const find = (id: string) => {
  const check = CHECKS.get(id)
  if (check === undefined) throw new Error(`There is no check ${id}.`)
  return check
}
const tpm = await startShimmedTpm()

const BAD_AUTH = 0x9a2
const AUTH_UNAVAILABLE = 0x12f
const GET_TEST_RESULT = Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x7c)

const answers = (name: string, change: (answer: Uint8Array) => Uint8Array): Hooks => ({
  onAnswer: (exchange, answer) => (exchange.name === name ? change(answer) : undefined),
})
const property = (at: number, value: (old: number) => number): Shim => ({
  hooks: answers('GetCapability', (answer) => withValue(answer, at, value)),
})

/** Wrong PINs, those that `which` names, are refused by the shim: the TPM never sees them, and counts none. */
function uncounted(which: (number: number) => boolean): Shim {
  let seen = 0
  const hidden = new Set<Exchange>()
  return {
    hooks: {
      onCommand: (exchange) => {
        if (exchange.name !== 'PolicySecret') return undefined
        seen += 1
        if (!which(seen)) return undefined
        hidden.add(exchange)
        return GET_TEST_RESULT
      },
      onAnswer: (exchange) => (hidden.has(exchange) ? answering(BAD_AUTH) : undefined),
    },
  }
}

/** A TPM whose random numbers come again after so many answers. */
function repeating(after: number): Shim {
  const kept: Uint8Array[] = []
  let next = 0
  return {
    hooks: answers('GetRandom', (answer) => {
      if (kept.length < after) kept.push(answer)
      next += 1
      return kept[(next - 1) % kept.length] ?? answer
    }),
  }
}

/** A TPM that signs with these nonces by the key of the check, which is known. */
function nonces(nonce: (random: Random) => bigint): Shim {
  const n = ORDERS['P-256']
  const d = toNumber(scratchScalar('nonces'))
  const random = new Random(21)
  const octets = (value: bigint) => Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'))
  return {
    hooks: {
      onAnswer: (exchange, answer) => {
        if (exchange.name !== 'Sign' || codeOf(answer) !== 0) return undefined
        // Header, handle, authorisation area; then the digest with its size.
        const view = new DataView(exchange.command.buffer, exchange.command.byteOffset)
        const at = 18 + view.getUint32(14) + 2
        const k = nonce(random)
        const r = rOf(k, 'P-256')
        const s = modulo(inverse(k, n) * (toNumber(exchange.command.subarray(at, at + 32)) + r * d), n)
        const signature = [0, 0x18, 0, 0x0b, 0, 32, ...octets(r), 0, 32, ...octets(s)]
        const body = [0, 0, 0, signature.length, ...signature, 0, 0, 1, 0, 0]
        return Uint8Array.of(0x80, 2, 0, 0, 0, 10 + body.length, 0, 0, 0, 0, ...body)
      },
    },
  }
}

/** TPMS_ALG_PROPERTY is six octets; the first is at 19. */
const withoutCurves = (answer: Uint8Array): Uint8Array =>
  answer.map((octet, at) => (octet === 0x23 && at >= 19 && (at - 19) % 6 === 1 ? 0x99 : octet))

let stuck: Uint8Array | undefined
const MUTANTS: Readonly<Record<string, readonly [id: string, shim: Shim]>> = {
  'is of an old revision': ['tpm.identity', property(0x102, () => 116)],
  'has no elliptic curves': [
    'tpm.algorithms',
    {
      hooks: answers('GetCapability', (answer) => withoutCurves(answer)),
    },
  ],
  'has room for one key': ['tpm.limits', property(0x10e, () => 1)],
  'is locked': ['tpm.lockout', property(0x200, (old) => old | (1 << 9))],
  'has a clock that stands': [
    'tpm.clock',
    {
      hooks: answers('ReadClock', (answer) => {
        stuck ??= answer
        return stuck
      }),
    },
  ],
  'looks at parameters before their length': [
    'tpm.parameter-decryption',
    { hooks: { onAnswer: (_, answer) => (decoded(answer) === 'session' ? answering(0x1da) : undefined) } },
  ],
  'counts no wrong PIN': ['lock.counts', uncounted((number) => number === 1)],
  'does not tell blocked from wrong': [
    'lock.blocks',
    {
      hooks: answers('PolicySecret', (answer) => (codeOf(answer) === AUTH_UNAVAILABLE ? answering(BAD_AUTH) : answer)),
    },
  ],
  'lets every third wrong PIN go uncounted': ['lock.storm', uncounted((number) => number % 3 === 0)],
  'forgets its counter while it is off': ['lock.restart', { forgets: true }],
  'lets its owner write the index': [
    'lock.burned',
    { table: { ...LOCK, attributes: (LOCK.attributes | NV.OWNERWRITE) >>> 0 } },
  ],
  'lets a key be used without a PIN': ['lock.policies', { table: { ...LOCK, keys: { ...LOCK.keys, once: [] } } }],
  'takes a ticket for ever': ['lock.tickets', { hooks: answers('PolicyTicket', () => answering(0)) }],
  'counts wrong PINs towards its lockout': ['lock.apart', { hooks: growing(0x20e) }],
  'is of Infineon, with the firmware of ROCA': [
    'tpm.errata',
    {
      hooks: answers('GetCapability', (answer) =>
        withValue(
          withValue(answer, 0x105, () => 0x49465800),
          0x10b,
          () => (7 << 16) | 61,
        ),
      ),
    },
  ],
  'repeats its random numbers': ['crypto.random', repeating(30)],
  'has nonces of 200 bits': ['crypto.nonces', nonces((random) => numberBelow(random, 1n << 200n))],
  'has nonces whose last bit is 0': [
    'crypto.nonces',
    nonces((random) => (numberBelow(random, ORDERS['P-256']) >> 1n) << 1n),
  ],
  'has one nonce': ['crypto.nonces', nonces(() => 0xabcdefn ** 9n)],
}

function decoded(answer: Uint8Array): string {
  const code = codeOf(answer)
  return (code & 0x8c0) === 0x880 ? 'session' : ''
}

function growing(at: number): Hooks {
  let count = 0
  return answers('GetCapability', (answer) => {
    count += 1
    return withValue(answer, at, () => count)
  })
}

for (const [name, [id, shim]] of Object.entries(MUTANTS)) {
  test(`${id} finds a TPM that ${name}`, async () => {
    const { verdict, says } = await tpm.check(find(id), shim)
    assert.is(verdict, 'fail', says)
  })
}

/** What these find is up to chance, or to how busy the machine is. */
const BY_CHANCE = new Set(['crypto.random', 'crypto.nonces', 'crypto.signatures', 'time.pin'])
/** Makers of simulators are not there, and a proxy does not tell of writes. */
const OTHERWISE: Readonly<Record<string, string>> = { 'tpm.endorsement': 'info', 'lock.writes': 'skipped' }

for (const [id, check] of CHECKS) {
  if (['crypto.rsa', 'crypto.primes', 'time.keys', 'time.card', 'lockout.counts'].includes(id)) continue
  test(`${id} passes on the embedded TPM, and leaves nothing behind`, async () => {
    const { verdict, says } = await tpm.check(check, {}, id.startsWith('time') ? 4 : 120)
    const wanted = OTHERWISE[id] ?? (id.startsWith('time') && id !== 'time.pin' ? 'info' : 'pass')
    if (BY_CHANCE.has(id)) assert.ok(verdict === 'pass' || verdict === 'fail', says)
    else assert.is(verdict, wanted, says)
    assert.equal([...(await usedIndices(tpm.device))], [])
  })
}

test('RSA keys are made, and looked at', async () => {
  const { verdict, says, figures } = await tpm.check(find('crypto.rsa'), {}, 1)
  assert.is(verdict, 'pass', says)
  assert.is(figures?.length, 3)
  const primes = await tpm.check(find('crypto.primes'), {}, 1)
  assert.is(primes.verdict, 'pass', primes.says)
  assert.is(primes.figures?.length, 2)
})

test('the embedded TPM tells that a right PIN writes nothing', async () => {
  const { machine } = tpm
  const worn = new Proxy(machine, {
    get(target, name) {
      if (name !== 'counters') {
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return async () => {
        writes += 1
        return { stateWrites: writes }
      }
    },
  })
  let writes = 0
  const verdicts: string[] = []
  for (const device of [machine, worn]) {
    const scratch = new Scratch({ device, ownerPassword: new Uint8Array(0), seconds: 1 })
    verdicts.push((await find('lock.writes').run(scratch)).verdict)
    await scratch.clean()
  }
  assert.equal(verdicts, ['pass', 'fail'])
})

test('what a killed run left is removed by the next one, and nothing else', async () => {
  const scratch = () => new Scratch({ device: tpm.device, ownerPassword: new Uint8Array(0), seconds: 1 })
  const left = await scratch().pinIndex(scratchScalar('right PIN'), 3)
  const handle = left.nv.handle
  // Another program's index stands in the next place.
  const other = { ...left.nv, handle: handle + 1, authPolicy: new Uint8Array(32) }
  const run = scratch()
  await run.asOwner(async (owner) => defineIndex(tpm.device, await run.parent(), owner, new Uint8Array(32), other))
  await tpm.device.close()
  await scratch().clean()
  assert.is(await indexName(tpm.device, handle), undefined)
  const name = await indexName(tpm.device, handle + 1)
  assert.ok(name)
  const remove = command(CC.NV_UndefineSpace, [RH.OWNER, { handle: handle + 1, name }], [NO_PASSWORD])
  await tpm.device.run(remove)
})

test('on swtpm a check finds room beside its storage key', async () => {
  const swtpm = await startSwtpm()
  const device = new TpmDevice({ tcti: swtpm.tcti, stateFile: '', createState: false })
  const scratch = new Scratch({ device, ownerPassword: new Uint8Array(0), seconds: 600, samples: 4 })
  for (const id of ['lock.policies', 'lock.blocks', 'tpm.commands']) {
    const { verdict, says } = await find(id).run(scratch)
    assert.is(verdict, 'pass', says)
  }
  assert.is((await find('lock.restart').run(scratch)).verdict, 'skipped')
  await scratch.clean()
  await device.close()
  await swtpm.stop()
})

test('lockout.counts spends one try and gives it back, and finds a TPM that does not count', async () => {
  const check = find('lockout.counts')
  assert.is(check.class, 'L')
  assert.is((await tpm.check(check)).verdict, 'pass')
  assert.is(
    (
      await tpm.check(
        check,
        property(0x20e, () => 0),
      )
    ).verdict,
    'fail',
  )
  assert.is(
    (
      await tpm.check(
        check,
        property(0x20e, () => 1),
      )
    ).verdict,
    'skipped',
  )
})

test('where the TPM goes away in the middle, what was found until then is kept', async () => {
  const proxy = await startProxy({ transmit: (command) => tpm.machine.transmit(command) })
  const place = { tcti: proxy.tcti, home: tempDir('home'), ownerPassword: new Uint8Array(0), seconds: 1 }
  const found = await withTpm(place, async (scratch) => {
    const before = await find('tpm.commands').run(scratch)
    proxy.hooks = { onCommand: () => 'drop' }
    return [
      before.verdict,
      await find('lock.counts')
        .run(scratch)
        .catch(({ code }: { code: string }) => code),
    ]
  })
  assert.equal(found, ['pass', 'ERR_TPM_GONE'])
  await proxy.stop()
})

test('time.card makes a card and destroys it, and one that a killed run left', async () => {
  const home = tempDir('home')
  const place = { tcti: tpm.device.options.tcti, home, ownerPassword: new Uint8Array(0), seconds: 600, samples: 4 }
  assert.is((await withTpm(place, (scratch) => find('time.card').run(scratch))).verdict, 'skipped')
  const left = await createCard({ name: SCRATCH_CARD, pin: '246813', ...place })
  await left.close()
  const { verdict, times } = await withTpm(place, (scratch) => find('time.card').run(scratch))
  assert.is(verdict, 'info')
  assert.equal(Object.keys(times ?? {}), ['ECDSA P-256, the TPM alone', 'ECDSA P-256, Card.sign'])
  assert.equal(await listCards({ home }), [])
  assert.equal([...(await usedIndices(tpm.device))], [])
})

test('a certificate that is not for an endorsement key is refused', () => {
  assert.is(endorsed([]).verdict, 'info')
  const [ca = new Uint8Array(0)] = TPM_MAKER_INTERMEDIATES
  assert.is(endorsed([ca]).verdict, 'fail')
  assert.is(endorsed([Uint8Array.of(0x30, 0)]).verdict, 'fail')
})

test('known faults by maker and firmware', () => {
  const names = (maker: string, firmware: string) => errataOf(maker, firmware).map(({ name }) => name)
  assert.equal(names('IFX', '7.61.2785.0'), ['ROCA (CVE-2017-15361)'])
  assert.equal(names('IFX', '5.62.3126.0'), [])
  assert.equal(names('IFX', '15.21.0.0'), ['TCGVRT0009 (CVE-2025-2884)'])
  assert.equal(names('STM', '73.4.0.0'), ['TPM-FAIL (CVE-2019-16863)'])
  assert.equal([names('STM', '73.20.0.0'), names('STM', '1.258.0.0')], [[], []])
  assert.equal(names('INTC', '11.8.50.3399'), ['TPM-FAIL (CVE-2019-11090)'])
  assert.equal([names('INTC', '11.8.70.0'), names('INTC', '15.0.1.2'), names('NTC', '7.61.0.0')], [[], [], []])
})

test.after(() => tpm.stop())
test.run()
