// When a key of Node asks for the PIN, what a wrong one costs, and what its user gets to know.
import { createPrivateKey, KeyObject, sign, webcrypto } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CardError, PinError, type PinRequest, UsageError } from '../../src/index.ts'
import { PIN } from '../contract/subjects.ts'
import { gate } from '../support/temp.ts'
import { MESSAGE, rejected, signAsync } from './support/node.ts'
import { staged } from './support/stage.ts'

const { subtle } = webcrypto
const WRONG = '000001'
const ECDSA = { name: 'ECDSA', hash: 'SHA-256' }
const on = staged()

/** Answers these one after the other, and the PIN from then on. */
function asking(...pins: readonly string[]) {
  const asked: PinRequest[] = []
  const onPin = (request: PinRequest) => {
    asked.push(request)
    return pins[asked.length - 1] ?? PIN
  }
  return { asked, onPin }
}

on('asked for when the card wants it, with a reason; not again while the key is unlocked', 'once', async (stage) => {
  const { asked, onPin } = asking()
  const { privateKey } = await stage.key({ onPin })
  await signAsync('sha256', privateKey)
  await signAsync('sha256', privateKey)
  assert.is(asked.length, 1)
  assert.match(asked[0]?.reason ?? '', 'The key in slot 9a (authentication) is to sign, and wants the PIN first.')
  assert.is(asked[0]?.triesLeft, 5)
  await stage.card.lock()
  await signAsync('sha256', privateKey)
  assert.is(asked.length, 2)
})

on('not asked for where it was verified before; nor where nobody can be asked', 'once', async (stage) => {
  const { asked, onPin } = asking()
  await stage.card.verifyPin(PIN)
  await signAsync('sha256', (await stage.key({ onPin })).privateKey)
  await signAsync('sha256', (await stage.key()).privateKey)
  assert.is(asked.length, 0)
})

on('never asked for', 'never', async (stage) => {
  const { asked, onPin } = asking()
  await signAsync('sha256', (await stage.key({ onPin })).privateKey)
  assert.is(asked.length, 0)
})

on('asked for before each signature, one after the other', 'always', async (stage) => {
  const { asked, onPin } = asking()
  const key = await stage.key({ onPin })
  await Promise.all([signAsync('sha256', key.privateKey), signAsync('sha256', key.privateKey)])
  assert.is(asked.length, 2)
  await subtle.sign(ECDSA, await key.cryptoKey('ECDSA'), MESSAGE)
  assert.is(asked.length, 3)
})

on('two signatures that need it share one question', 'once', async (stage) => {
  const { asked, onPin } = asking()
  const { privateKey } = await stage.key({ onPin })
  await Promise.all([signAsync('sha256', privateKey), signAsync('sha256', privateKey)])
  assert.is(asked.length, 1)
})

for (const policy of ['once', 'always'] as const) {
  on('a wrong one costs one try, and the error of the card is the cause', policy, async (stage) => {
    const { asked, onPin } = asking(WRONG)
    const key = await stage.key({ onPin })
    const error = await rejected(signAsync('sha256', key.privateKey))
    assert.instance(error.cause, PinError)
    assert.is((error.cause as PinError).code, 'ERR_PIN_WRONG')
    assert.match(error.message, /tessera::ERR_PIN_WRONG$/)
    assert.is((await stage.card.pinStatus()).triesLeft, 4)
    assert.is(asked.length, 1)
    await signAsync('sha256', key.privateKey)
    assert.is(asked.length, 2)
  })
}

on('WebCrypto: the cause is one deeper, under the error of the operation', 'once', async (stage) => {
  const key = await stage.key({ onPin: asking(WRONG).onPin })
  const error = await rejected(subtle.sign(ECDSA, await key.cryptoKey('ECDSA'), MESSAGE))
  assert.is(error.name, 'OperationError')
  const { cause } = error.cause as Error
  assert.is((cause as PinError).code, 'ERR_PIN_WRONG')
  assert.is((cause as PinError).triesLeft, 4)
  assert.not('opensslErrorStack' in Error.prototype, 'and nothing is left of the way it came')
})

on('a fixed one that was wrong is not tried again', 'once', async (stage) => {
  const { privateKey } = await stage.key({ onPin: WRONG })
  for (let i = 0; i < 3; i += 1) {
    const { cause } = await rejected(signAsync('sha256', privateKey))
    assert.is((cause as PinError).code, 'ERR_PIN_WRONG')
  }
  assert.is((await stage.card.pinStatus()).triesLeft, 4)
})

on('the last try is kept, unless it may be used', 'once', async (stage) => {
  const { asked, onPin } = asking(WRONG, WRONG, WRONG, WRONG)
  const { privateKey } = await stage.key({ onPin })
  for (let i = 0; i < 4; i += 1) await rejected(signAsync('sha256', privateKey))
  const { cause } = await rejected(signAsync('sha256', privateKey))
  assert.is((cause as PinError).code, 'ERR_PIN_LAST_TRY')
  assert.is(asked.length, 4)
  await signAsync('sha256', (await stage.key({ onPin, minTriesLeft: 0 })).privateKey)
})

on('a blocked PIN is not asked for', 'once', async (stage) => {
  const { asked, onPin } = asking()
  for (let i = 0; i < 5; i += 1) await rejected(stage.card.verifyPin(WRONG))
  const { privateKey } = await stage.key({ onPin })
  const { cause } = await rejected(signAsync('sha256', privateKey))
  assert.is((cause as PinError).code, 'ERR_PIN_BLOCKED')
  assert.is(asked.length, 0)
})

on('nobody to ask: ERR_PIN_REQUIRED', 'once', async (stage) => {
  const { cause } = await rejected(signAsync('sha256', (await stage.key()).privateKey))
  assert.is((cause as PinError).code, 'ERR_PIN_REQUIRED')
})

on('what whoever asks throws is the cause', 'once', async (stage) => {
  const cancelled = new Error('cancelled')
  const onPin = () => {
    throw cancelled
  }
  const error = await rejected(signAsync('sha256', (await stage.key({ onPin })).privateKey))
  assert.is(error.cause, cancelled)
})

for (const end of ['key', 'card'] as const) {
  on(
    `the ${end} is closed while the PIN is asked for: the signature fails, and no try is spent`,
    'once',
    async (stage) => {
      const [asked, answer] = [gate(), gate()]
      const key = await stage.key({
        async onPin() {
          asked.open()
          await answer.promise
          return WRONG
        },
      })
      const signature = rejected(signAsync('sha256', key.privateKey))
      await asked.promise
      if (end === 'key') key.close()
      else await stage.card.close()
      assert.match((await signature).message, /ERR_CARD_CLOSED$/)
      answer.open()
      if (end === 'key') assert.is((await stage.card.pinStatus()).triesLeft, 5)
      assert.match((await rejected(signAsync('sha256', key.privateKey))).message, /ERR_CARD_CLOSED$/)
    },
  )
}

on(
  "while the PIN is asked for, half of libuv's threads stay free: who is too many is refused",
  'once',
  async (stage) => {
    const [answer, allRefused] = [gate(), gate()]
    const { privateKey } = await stage.key({ onPin: () => answer.promise.then(() => PIN) })
    const refused: unknown[] = []
    const outcomes = Array.from({ length: 20 }, async () => {
      const [outcome] = await Promise.allSettled([signAsync('sha256', privateKey)])
      if (outcome.status === 'rejected') refused.push((outcome.reason.cause as CardError).code)
      if (refused.length === 18) allRefused.open()
    })
    await readFile(new URL(import.meta.url)) // by libuv's pool
    await allRefused.promise
    answer.open()
    await Promise.all(outcomes)
    assert.equal(refused, Array(18).fill('ERR_KEY_BUSY'))
    const later = await Promise.all(Array.from({ length: 100 }, () => signAsync('sha256', privateKey)))
    assert.is(later.length, 100, 'no limit where no PIN is asked for')
  },
)

on('a synchronous call in the thread that has the card fails, and names what to call', 'never', async (stage) => {
  const { privateKey } = await stage.key()
  try {
    sign('sha256', MESSAGE, privateKey)
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /ERR_KEY_SYNCHRONOUS$/)
    const { opensslErrorStack = [] } = error as { readonly opensslErrorStack?: readonly string[] }
    assert.match(opensslErrorStack.join(), /call crypto\.subtle .*, or crypto\.sign with a callback/)
  }
})

on('hashes that the card does not sign, and algorithms of other keys', 'never', async (stage) => {
  const key = await stage.key()
  const { cause } = await rejected(signAsync('sha1', key.privateKey))
  assert.is((cause as UsageError).code, 'ERR_ALGORITHM')
  for (const name of ['RSA-PSS', 'HMAC', '', 'ECDH-ES']) {
    const error = await rejected(key.cryptoKey(name))
    assert.instance(error, UsageError)
    assert.is(error.code, 'ERR_ALGORITHM')
  }
})

on('no private key is exported', 'never', async (stage) => {
  const key = await stage.key()
  const cryptoKey = await key.cryptoKey('ecdsa')
  const own = (error: unknown) => error instanceof CardError && error.code === 'ERR_NOT_SUPPORTED'
  for (const format of ['pem', 'der', 'jwk'] as const) {
    assert.throws(() => key.privateKey.export({ format, type: 'pkcs8' } as never), own)
    // By Node itself from 24 on. Before, as JWK, Node would end the process.
    assert.throws(() => KeyObject.from(cryptoKey).export({ format, type: 'pkcs8' } as never))
  }
  for (const format of ['pem', 'der'] as const) {
    assert.throws(() => createPrivateKey(key.pem).export({ format, type: 'pkcs8' } as never))
    assert.throws(() => createPrivateKey(key.pem).export({ format, type: 'sec1' } as never))
  }
  await rejected(subtle.exportKey('pkcs8', cryptoKey))
})

test.run()
