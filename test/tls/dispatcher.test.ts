// Node's own fetch over connections that a card's agent makes.
// takes: 3 s
import { Agent, fetch as fetchOfUndici } from 'undici'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PinError, UsageError } from '../../src/index.ts'
import { cardDispatcher } from '../../src/tls/index.ts'
import { PIN } from '../contract/subjects.ts'
import { failed, staged } from './support/stage.ts'

const on = staged()

on("Node's own fetch, many at once", async ({ card, server, agent, atEnd }) => {
  const { url } = await server()
  const dispatcher = cardDispatcher(await agent(await card(), '9a', { onPin: PIN }))
  atEnd(() => dispatcher.close())
  const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(url, { dispatcher })))
  for (const answer of answers) assert.is(await answer.text(), 'Maria TLSv1.3')
  const echo = await fetch(`${url}echo`, { dispatcher, method: 'POST', body: 'x'.repeat(300_000) })
  assert.is((await echo.text()).length, 300_000)
})

on('a class of undici', async ({ card, server, agent, atEnd }) => {
  const { url } = await server()
  const dispatcher = cardDispatcher(await agent(await card(), '9a', { onPin: PIN }), Agent)
  atEnd(() => dispatcher.close())
  assert.instance(dispatcher, Agent)
  assert.is(await (await fetchOfUndici(url, { dispatcher })).text(), 'Maria TLSv1.3')
})

on('the error of the card is the cause of the error of fetch', async ({ card, server, agent, atEnd }) => {
  const { url } = await server()
  const by = await agent(await card(), '9a', { onPin: '000001' })
  const dispatcher = cardDispatcher(by)
  atEnd(() => dispatcher.destroy())
  assert.instance((await failed(fetch(url, { dispatcher }))).cause, PinError)
  by.destroy()
  assert.is(((await failed(fetch(url, { dispatcher }))).cause as { code?: string }).code, 'ERR_TLS_CLOSED')
})

on('nothing is sent without TLS', async ({ card, server, agent, atEnd }) => {
  const { url, ...it } = await server()
  const dispatcher = cardDispatcher(await agent(await card(), '9a', { onPin: PIN }))
  atEnd(() => dispatcher.destroy())
  const { cause } = await failed(fetch(url.replace('https:', 'http:'), { dispatcher }))
  assert.instance(cause, UsageError)
  assert.is(it.connections(), 0)
})

on("where fetch has another dispatcher, Node's own cannot be found", async ({ card, agent, atEnd }) => {
  const by = await agent(await card(), '9a', { onPin: PIN })
  const place = Object.getOwnPropertySymbols(globalThis).filter((symbol) => String(symbol).includes('undici.global'))
  for (const symbol of place) {
    const before = Object.getOwnPropertyDescriptor(globalThis, symbol) as PropertyDescriptor
    atEnd(() => Object.defineProperty(globalThis, symbol, before))
    Object.defineProperty(globalThis, symbol, { ...before, value: { dispatch() {} } })
  }
  assert.throws(
    () => cardDispatcher(by),
    (error: { code?: string }) => error.code === 'ERR_NOT_SUPPORTED',
  )
})

test.run()
