// The agent in axios, which takes it as `httpsAgent`.
// takes: 4 s
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PIN } from '../contract/subjects.ts'
import { root } from '../runner/jobs.ts'
import { failed, staged } from './support/stage.ts'

const on = staged()
const place = join(root, 'test/strangers/packages/node_modules/axios/index.js')

interface Axios {
  get(url: string, options: object): Promise<{ readonly data: string }>
  post(url: string, body: string, options: object): Promise<{ readonly data: string }>
}

/** Loaded by its file: it is no package of the project. */
const load = async (): Promise<Axios> => ((await import(pathToFileURL(place).href)) as { default: Axios }).default

on('requests of axios', async ({ card, server, agent }) => {
  assert.ok(existsSync(place), 'scripts/setup test installs it')
  const axios = await load()
  const { url } = await server()
  const httpsAgent = await agent(await card(), '9a', { onPin: PIN })
  assert.is((await axios.get(url, { httpsAgent })).data, 'Maria TLSv1.3')
  assert.is((await axios.post(`${url}echo`, 'text', { httpsAgent })).data, 'text')
})

on('the error of the card is that of the request', async ({ card, server, agent }) => {
  const axios = await load()
  const { url } = await server()
  const httpsAgent = await agent(await card(), '9a', { onPin: '000000' })
  assert.match((await failed(axios.get(url, { httpsAgent }))).message, /PIN/)
})

test.run()
