// takes: 15 s
// PIN, PUK, admin key, owner password and imported keys: on no wire to the TPM, in no error, in no trace, in no log, on no disk;
// and what a caller hands in stays as it was.
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Card, destroyCard, respondToChallenge } from '../../src/index.ts'
import { authValue } from '../../src/tpm/lock/auth-value.ts'
import { traceTo } from '../../src/trace/trace.ts'
import { privateJwk } from '../support/private-jwk.ts'
import { program } from '../support/program.ts'
import { RH } from '../support/templates.ts'
import { ascii, contains, fromHex, tpm2b } from '../support/wire.ts'
import { password } from '../support/witness.ts'
import { type Bench, KINDS, onBench } from './bench.ts'

const SECRETS = {
  pin: '93710482',
  newPin: '65079138',
  thirdPin: '80526417',
  wrongPin: '41938526',
  puk: 'qJ~3!Vk/',
  newPuk: '+gM$u9X?',
  wrongPuk: '(Zp6^w&A',
  owner: 'owner password 4711',
  wrongOwner: 'another password 0815',
} as const
const adminKey = fromHex('8fd1c2b3a495867768594a3b2c1d0e0f')
const newAdminKey = fromHex('1f2e3d4c5b6a79880796a5b4c3d2e1f0')
const desk = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const imported = [
  generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
]
const data = new Uint8Array(100)

/** Every form in which a secret must not be met; with the authValues of a card where its id is known. */
function needles(cardId?: Uint8Array): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  const add = (name: string, octets: Uint8Array) => {
    found.set(name, octets)
    for (const encoding of ['hex', 'base64'] as const) {
      found.set(`${name}, ${encoding}`, ascii(Buffer.from(octets).toString(encoding).replaceAll('=', '')))
    }
    found.set(`${name}, numbers`, ascii([...octets].join(', ')))
    found.set(`${name}, lines of numbers`, ascii([...octets].join(',')))
  }
  for (const [name, text] of Object.entries(SECRETS)) {
    add(name, ascii(text))
    for (const role of ['pin', 'puk'] as const) {
      if (cardId !== undefined) add(`authValue of ${name}`, authValue(cardId, role, ascii(text)))
    }
  }
  add('admin key', adminKey)
  add('new admin key', newAdminKey)
  for (const [at, key] of imported.entries()) {
    const { d = '', p } = privateJwk(key)
    add(`private key ${at}`, Uint8Array.from(Buffer.from(p ?? d, 'base64url')))
  }
  return found
}

const cardIdOf = (path: string): Uint8Array =>
  Uint8Array.from(Buffer.from(/"cardId": "([^"]+)"/.exec(readFileSync(path, 'utf8'))?.[1] ?? '', 'base64'))

async function setOwner(bench: Bench, from: string, to: string): Promise<void> {
  const witness = await bench.witness()
  const change = { handles: [RH.owner], params: tpm2b(ascii(to)), auths: [password(ascii(from))] }
  await witness.must('HierarchyChangeAuth', change)
  await witness.close()
}

/** A whole life with every secret there is. Returns each error on the way and the id of the card. */
async function live(bench: Bench): Promise<{ errors: unknown[]; cardId: Uint8Array }> {
  const errors: unknown[] = []
  const fails = async (work: () => Promise<unknown>) => {
    await work().then(
      () => assert.unreachable(),
      (error: unknown) => errors.push(error),
    )
  }
  const { pin, newPin, thirdPin, wrongPin, puk, newPuk, wrongPuk, owner, wrongOwner } = SECRETS
  const { home } = bench
  const options = { pin, puk, adminKey, helpDeskPublicKey: desk.publicKey, pinTries: 3, pukTries: 3 }
  await fails(() => bench.create({ ...options, pin: 'not a PIN 93710482' }))
  if (bench.kind === 'swtpm') {
    await setOwner(bench, '', owner)
    bench.proxy?.clear()
    await fails(() => bench.create({ ...options, ownerPassword: wrongOwner }))
  }
  const ownerPassword = bench.kind === 'swtpm' ? owner : ''
  const card: Card = await bench.create({ ...options, ownerPassword })
  const cardId = cardIdOf(join(home, 'cards', 'work.card'))
  await fails(() => card.verifyPin(wrongPin))
  await card.verifyPin(pin)
  await card.generateKey('9a')
  await card.generateKey('9c')
  for (const [at, key] of imported.entries()) await card.importKey((0x82 + at).toString(16), key)
  await card.changePin({ pin, newPin })
  await fails(() => card.changePin({ pin: wrongPin, newPin: thirdPin }))
  await fails(() => card.changePin({ pin: newPin, newPin: `${thirdPin}x` }))
  await card.changePuk({ puk, newPuk })
  await fails(() => card.changePuk({ puk: wrongPuk, newPuk: puk }))
  await fails(() => card.unblockPin({ puk: wrongPuk, newPin: thirdPin }))
  await card.unblockPin({ puk: newPuk, newPin: thirdPin })
  const response = respondToChallenge(await card.unblockChallenge(), desk.privateKey)
  await card.unblockWithResponse({ response, newPin: pin })
  await fails(() => card.unblockWithResponse({ response, newPin: thirdPin }))
  for (let i = 0; i < 3; i += 1) await fails(() => card.verifyPin(wrongPin))
  await fails(() => card.verifyPin(pin))
  await card.unblockPin({ puk: newPuk, newPin })
  await card.verifyPin(newPin)
  await card.sign('9c', data)
  await card.sign('9a', data)
  await card.changeAdminKey(newAdminKey)
  await fails(() => card.authenticateAdmin(adminKey))
  await card.authenticateAdmin(newAdminKey)
  await card.close()
  if (bench.kind === 'swtpm') {
    await fails(() => destroyCard('work', { home, ownerPassword: wrongOwner }))
    await fails(() => destroyCard('work', { home }))
  }
  return { errors, cardId }
}

const files = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? files(path) : [path]
  })

for (const kind of KINDS) {
  test(`${kind}: a whole life, and no secret on a wire, in an error or on the disk`, () =>
    onBench(kind, async (bench) => {
      const endTrace = traceTo(join(bench.home, 'trace'))
      const { errors, cardId } = await live(bench)
      endTrace()
      assert.ok(errors.length > 8)
      for (const error of errors) {
        const told = [
          inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true, maxArrayLength: 10_000 }),
          JSON.stringify(error, (_, value: unknown) => value),
          error instanceof Error ? `${error.stack}${error.message}${inspect(error.cause, { depth: 9 })}` : '',
        ].join('\n')
        for (const [name, octets] of needles(cardId)) assert.not(contains(ascii(told), octets), `${name} in ${told}`)
      }
      for (const [name, octets] of needles(cardId)) {
        const wire = bench.proxy?.seen(octets) ?? []
        assert.equal(
          wire.map((exchange) => exchange.name),
          [],
          `${name} on the wire`,
        )
      }
      const kept = files(bench.home)
      assert.ok(kept.some((path) => path.endsWith('work.card')))
      assert.match(readFileSync(join(bench.home, 'trace'), 'utf8'), '"command":"0020008008xxxxxxxxxxxxxxxx"')
      for (const path of kept) {
        // The state of the embedded TPM is a TPM's: the values that it compares are in it, though no PIN.
        const state = path.includes(`${join('tpm', 'state')}`)
        const content = Uint8Array.from(readFileSync(path))
        for (const [name, octets] of needles(state ? undefined : cardId)) {
          if (state && /key/.test(name)) continue
          assert.not(contains(content, octets), `${name} in ${path}`)
        }
        if (path.endsWith('.card')) assert.is(statSync(path).mode & 0o777, 0o600)
      }
    }))
}

test('the wire is looked at: a password that crosses in clear is seen', () =>
  onBench('swtpm', async (bench) => {
    await setOwner(bench, '', SECRETS.owner)
    assert.is(bench.proxy?.seen(ascii(SECRETS.owner)).length, 1)
  }))

test("a caller's octets stay as they were; a string and octets are the same secret", () =>
  onBench('swtpm', async (bench) => {
    const made: Array<readonly [Uint8Array, Uint8Array]> = []
    const octets = (name: keyof typeof SECRETS | Uint8Array): Uint8Array => {
      const value = typeof name === 'string' ? ascii(SECRETS[name]) : name.slice()
      made.push([value, value.slice()])
      return value
    }
    // Also a view into a larger buffer, as Node's pool gives.
    const pooled = Buffer.from(`..${SECRETS.pin}..`)
    const view = new Uint8Array(pooled.buffer, pooled.byteOffset + 2, SECRETS.pin.length)
    const options = {
      pin: view,
      puk: octets('puk'),
      adminKey: octets(adminKey),
      ownerPassword: octets(new Uint8Array(0)),
    }
    const card = await bench.create(options)
    await card.verifyPin(octets('pin'))
    await card.verifyPin(Buffer.from(SECRETS.pin))
    await card.verifyPin(SECRETS.pin)
    await card.verifyPin(octets('wrongPin')).catch(() => undefined)
    await card.verifyPin(octets(ascii('123'))).catch(() => undefined)
    await card.changePin({ pin: octets('pin'), newPin: octets('newPin') })
    await card.changePuk({ puk: octets('puk'), newPuk: octets('newPuk') })
    await card.unblockPin({ puk: octets('newPuk'), newPin: octets('pin') })
    await card.verifyPin(octets('pin'))
    await card.changeAdminKey(octets(newAdminKey))
    await card.authenticateAdmin(octets(newAdminKey))
    await card.generateKey('9a')
    const digest = octets(ascii('x'.repeat(32)))
    await card.signDigest('9a', digest)
    await card.close()
    await destroyCard('work', { home: bench.home, ownerPassword: octets(new Uint8Array(0)) })
    for (const [now, before] of made) assert.equal(now, before)
    assert.is(pooled.toString(), `..${SECRETS.pin}..`)
  }))

test('nothing is said on standard output or standard error, whatever is set to make libraries talk', async () => {
  for (const kind of KINDS) {
    await onBench(kind, async (bench) => {
      const card = await bench.create({ pin: SECRETS.pin, puk: SECRETS.puk })
      await card.verifyPin(SECRETS.pin)
      await card.generateKey('9a')
      await card.close()
      const { home, tcti } = bench
      // The TPM is in another process, which has to be let go first, or this process would block it.
      if (bench.kind === 'embedded') await bench.stop()
      bench.proxy?.release()
      const direct = bench.swtpm?.tcti ?? tcti
      const env = { ...process.env, TSS2_LOG: 'all+trace', TSS2_LOGFILE: 'stderr', TPM2TOOLS_TCTI: '', DEBUG: '*' }
      const words = [...program('test/library/child.ts'), 'day', home, direct, SECRETS.pin]
      const { stdout, stderr, status } = spawnSync(process.execPath, words, {
        env: { ...env, TESSERA_TCTI: direct },
        timeout: 120_000,
      })
      assert.is(status, 0, stderr.toString())
      assert.match(stdout.toString(), 'verify: ok\nsign: ok')
      assert.is(stderr.toString(), '')
      const cardId = cardIdOf(join(home, 'cards', 'work.card'))
      for (const [name, octets] of needles(cardId)) assert.not(contains(Uint8Array.from(stdout), octets), name)
    })
  }
})

test.run()
