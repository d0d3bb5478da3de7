// The agent's connector in undici, which brings its own pool, its own requests and its own fetch.
// takes: 3 s

import { Agent, fetch, request } from 'undici'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PinError } from '../../src/index.ts'
import { PIN } from '../contract/subjects.ts'
import { failed, staged } from './support/stage.ts'

const on = staged()

on('requests and fetch of undici, many at once, over few connections', async ({ card, server, agent }) => {
  const { url, ...it } = await server()
  const by = await agent(await card(), '9a', { onPin: PIN })
  const dispatcher = new Agent({ connect: by.connector(), connections: 2 })
  const answers = await Promise.all(Array.from({ length: 8 }, () => request(url, { dispatcher })))
  for (const { body } of answers) assert.is(await body.text(), 'Maria TLSv1.3')
  const echo = await fetch(`${url}echo`, { dispatcher, method: 'POST', body: 'x'.repeat(300_000) })
  assert.is((await echo.text()).length, 300_000)
  assert.ok(it.connections() <= 2)
  await dispatcher.close()
})

on('its errors come through', async ({ card, server, agent }) => {
  const { url } = await server()
  const by = await agent(await card(), '9a', { onPin: '000001' })
  const dispatcher = new Agent({ connect: by.connector() })
  assert.instance(await failed(request(url, { dispatcher })), PinError)
  by.destroy()
  assert.is((await failed(request(url, { dispatcher }))).code, 'ERR_TLS_CLOSED')
  await dispatcher.destroy()
})

test.run()
