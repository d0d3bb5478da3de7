// The PIN of an agent: when it is asked for, what a wrong one costs, and what becomes of it.
// takes: 4 s
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as later } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../src/bytes.ts'
import { type CardError, PinError, TlsError } from '../../src/index.ts'
import { accessOf } from '../../src/piv/host/card.ts'
import { PIN } from '../contract/subjects.ts'
import { gate, within } from '../support/temp.ts'
import { ask, failed, LIMIT_MS, staged } from './support/stage.ts'

const WRONG = '000001'
const on = staged()
const ALWAYS = [{ slot: '9c', pinPolicy: 'always' }] as const
const NEVER = [{ slot: '9e', pinPolicy: 'never' }] as const

/** Answers these one after the other. */
function asking(...pins: readonly string[]) {
  const asked: Array<number | undefined> = []
  const onPin = ({ triesLeft }: { readonly triesLeft: number | undefined }) => {
    asked.push(triesLeft)
    return pins[asked.length - 1] ?? PIN
  }
  return { asked, onPin }
}

on('a key that is unlocked is not asked about; one that was locked again is', async ({ card, server, agent }) => {
  const [it, { url }] = [await card(), await server()]
  const { asked, onPin } = asking()
  const by = await agent(it, '9a', { onPin, keepAlive: false })
  await it.verifyPin(PIN)
  await ask(by, url)
  assert.is(asked.length, 0)
  await it.lock()
  await ask(by, url)
  await ask(by, url)
  assert.is(asked.length, 1)
})

on('a key without PIN is not asked about', async ({ card, server, agent }) => {
  const { url } = await server()
  assert.is(await ask(await agent(await card(NEVER), '9e'), url), 'Maria TLSv1.3')
})

on('a key that wants the PIN for every use has it asked for before each handshake', async ({ card, server, agent }) => {
  const { url } = await server()
  const { asked, onPin } = asking()
  const by = await agent(await card(ALWAYS), '9c', { onPin, keepAlive: false })
  const answers = await Promise.all([ask(by, url), ask(by, url), ask(by, url)])
  assert.equal(answers, Array(3).fill('Maria TLSv1.3'))
  assert.is(asked.length, 3)
})

for (const [slot, keys] of [
  ['9a', undefined],
  ['9c', ALWAYS],
] as const) {
  on(`${slot}: a wrong PIN is one try, one error, and no connection`, async ({ card, server, agent }) => {
    const [it, { url, connections }] = [await card(keys), await server()]
    const { asked, onPin } = asking(WRONG)
    const by = await agent(it, slot, { onPin })
    const error = await failed(ask(by, url))
    assert.instance(error, PinError)
    assert.is(error.code, 'ERR_PIN_WRONG')
    assert.is((await it.pinStatus()).triesLeft, 4)
    assert.is(asked.length, 1)
    assert.is(connections(), 0)
    assert.is(await ask(by, url), 'Maria TLSv1.3')
    assert.equal(asked, [5, 4])
  })

  on(`${slot}: a PIN that was given once and is wrong is tried once, however many ask`, async (stage) => {
    const [it, { url }] = [await stage.card(keys), await stage.server()]
    const by = await stage.agent(it, slot, { onPin: WRONG })
    const errors = await Promise.all(Array.from({ length: 6 }, () => failed(ask(by, url))))
    errors.push(await failed(by.fetch(url)))
    for (const { code } of errors) assert.is(code, 'ERR_PIN_WRONG')
    assert.is((await it.pinStatus()).triesLeft, 4)
  })
}

on('the last try is kept, unless that is wanted; a blocked PIN is not asked for', async ({ card, server, agent }) => {
  const [it, { url }] = [await card(undefined, { pinTries: 2 }), await server()]
  const kept = asking(WRONG)
  const by = await agent(it, '9a', { onPin: kept.onPin })
  assert.is((await failed(ask(by, url))).code, 'ERR_PIN_WRONG')
  assert.is((await failed(ask(by, url))).code, 'ERR_PIN_LAST_TRY')
  assert.is((await failed(ask(by, url))).code, 'ERR_PIN_LAST_TRY')
  assert.is(kept.asked.length, 1)
  const { asked, onPin } = asking(WRONG)
  const last = await agent(it, '9a', { onPin, minTriesLeft: 1 })
  assert.is((await failed(ask(last, url))).code, 'ERR_PIN_WRONG')
  assert.is((await failed(ask(last, url))).code, 'ERR_PIN_BLOCKED')
  assert.is(asked.length, 1)
})

on('a request that was given up is asked no PIN for, and spends none', async ({ card, server, agent }) => {
  const [it, { url, connections }] = [await card(ALWAYS), await server()]
  const pins = [gate<string>(), gate<string>()] as const
  let asked = 0
  const by = await agent(it, '9c', {
    onPin: () => {
      asked += 1
      return pins[asked - 1]?.promise ?? PIN
    },
  })
  const giveUp = new AbortController()
  const [first, second] = [ask(by, url), failed(by.fetch(url, { signal: giveUp.signal }))]
  giveUp.abort()
  await second
  pins[0].open(PIN)
  assert.is(await first, 'Maria TLSv1.3')
  const { hostname: host, port } = new URL(url)
  const third = failed(by.connect({ host, port: Number(port) }))
  while (asked < 2) await later(1)
  by.destroy()
  await third
  pins[1].open(WRONG)
  await later(20)
  assert.is((await it.pinStatus()).triesLeft, 5)
  assert.equal([asked, connections()], [2, 1])
})

on('an agent that was destroyed while it asked spends no try', async ({ card, server, agent }) => {
  const [it, { url }] = [await card(), await server()]
  const [asked, pin] = [gate(), gate<string>()]
  const by = await agent(it, '9a', {
    onPin: () => {
      asked.open()
      return pin.promise
    },
  })
  const request = failed(ask(by, url))
  await asked.promise
  by.destroy()
  await request
  pin.open(WRONG)
  await later(20)
  assert.is((await it.pinStatus()).triesLeft, 5)
})

on('a PIN that no signature was wanted for serves nobody else', async ({ card, server, agent }) => {
  const it = await card(ALWAYS)
  const { url } = await server({ requestCert: false })
  assert.is(await ask(await agent(it, '9c', { onPin: PIN }), url), 'undefined TLSv1.3')
  assert.is((await failed(it.sign('9c', new Uint8Array(1)))).code, 'ERR_PIN_REQUIRED')
})

on('nobody to ask, a PIN that has to be changed, one of no form, and who refuses to say it', async (stage) => {
  const [it, { url, connections }] = [await stage.card(), await stage.server()]
  const code = async (options: object) => (await failed(ask(await stage.agent(it, '9a', options), url))).code
  assert.is(await code({}), 'ERR_PIN_REQUIRED')
  assert.is(await code({ onPin: '12' }), 'ERR_PIN_FORMAT')
  const changed = new Error('never mind')
  const refusing = () => {
    throw changed
  }
  assert.is(await failed(ask(await stage.agent(it, '9a', { onPin: refusing }), url)), changed)
  const wordless = await stage.agent(it, '9a', { onPin: () => Promise.reject() })
  const { hostname: host, port } = new URL(url)
  assert.is((await failed(wordless.connect({ host, port: Number(port) }))).code, 'ERR_PIN_REQUIRED')
  assert.is((await it.pinStatus()).triesLeft, 5)
  assert.is(connections(), 0)
})

on('what became wrong during the handshake is the cause of a TLS error', async ({ card, server, agent }) => {
  const it = await card()
  const { url } = await server()
  const by = await agent(it, '9a', { onPin: PIN })
  // Locked by somebody else between the PIN and the signature: as TCP connects.
  const request = by.connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
  const access = accessOf(it)
  const verify = access.verify.bind(access)
  access.verify = async (...given) => {
    await verify(...given)
    await it.lock()
  }
  const error = await failed(request)
  assert.instance(error, TlsError)
  assert.is(error.code, 'ERR_TLS_HANDSHAKE')
  assert.instance(error.cause, PinError)
  assert.is((error.cause as CardError).code, 'ERR_PIN_REQUIRED')
  Reflect.deleteProperty(access, 'verify')
  assert.is(await ask(by, url), 'Maria TLSv1.3')
})

on('what a caller gave is his; copies are overwritten, whatever becomes of the handshake', async (stage) => {
  const it = await stage.card(ALWAYS)
  const seen: Uint8Array[] = []
  const access = accessOf(it)
  const verify = access.verify.bind(access)
  access.verify = async (pin, ...more) => {
    seen.push(pin as Uint8Array)
    await pausing
    await verify(pin, ...more)
  }
  let pausing: Promise<void> | undefined
  const mine = utf8(PIN)
  const by = await stage.agent(it, '9c', { onPin: () => mine, keepAlive: false })
  const overwritten = (what: string) => assert.equal([...(seen.pop() ?? [])], Array(PIN.length).fill(0), what)
  const [{ url }, unasking, silent] = [await stage.server(), await stage.server({ requestCert: false }), createServer()]
  await ask(by, url)
  overwritten('signed')
  await ask(by, unasking.url)
  overwritten('no signature was wanted')
  const untrusting = await stage.agent(it, '9c', { onPin: () => mine, ca: [] })
  assert.is((await failed(ask(untrusting, url))).code, 'SELF_SIGNED_CERT_IN_CHAIN')
  overwritten('the server was not trusted')
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const hasty = await stage.agent(it, '9c', { onPin: () => mine, handshakeTimeout: 300 })
  assert.is((await failed(hasty.connect({ host: '127.0.0.1', port }))).code, 'ERR_TLS_TIMEOUT')
  overwritten('the server said nothing')
  const verified = gate()
  pausing = verified.promise
  const request = failed(by.connect({ host: '127.0.0.1', port }))
  while (seen.length === 0) await later(1)
  by.destroy()
  await request
  verified.open()
  pausing = undefined
  const [copy] = seen
  const wiped = async () => {
    while (copy?.some((octet) => octet !== 0)) await later(1)
  }
  await within(wiped(), LIMIT_MS, 'the PIN of a handshake that was given up is still there')
  seen.pop()
  silent.close()
  const wrong = await stage.agent(it, '9c', { onPin: WRONG })
  assert.is((await failed(ask(wrong, url))).code, 'ERR_PIN_WRONG')
  overwritten('a wrong one')
  assert.equal([...mine], [...utf8(PIN)])
})

test.run()
