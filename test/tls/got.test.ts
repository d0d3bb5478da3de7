// The agent in got, a library that hands in Node's own checkServerIdentity with every request. It is what the other thread
// does anyway; a check of the user's own is refused as before.
// takes: 4 s
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PIN } from '../contract/subjects.ts'
import { root } from '../runner/jobs.ts'
import { failed, staged } from './support/stage.ts'

const on = staged()
const place = join(root, 'test/strangers/packages/node_modules/got/dist/source/index.js')

interface Got {
  (url: string, options: object): { text(): Promise<string> }
  post(url: string, options: object): { text(): Promise<string> }
}

/** Loaded by its file: it is no package of the project. */
const load = async (): Promise<Got> => ((await import(pathToFileURL(place).href)) as { default: Got }).default

on('requests of got', async ({ card, server, agent, ca }) => {
  assert.ok(existsSync(place), 'scripts/setup test installs it')
  const got = await load()
  const { url } = await server()
  const by = await agent(await card(), '9a', { onPin: PIN })
  const options = { agent: { https: by }, https: { certificateAuthority: ca.ca.toString() }, retry: { limit: 0 } }
  assert.is(await got(url, options).text(), 'Maria TLSv1.3')
  assert.is(await got.post(`${url}echo`, { ...options, body: 'text' }).text(), 'text')
})

on("Node's own check is no option of the user's, any other is", async ({ card, server, agent }) => {
  const { port } = await server()
  const by = await agent(await card(), '9a', { onPin: PIN })
  const where = { host: '127.0.0.1', port }
  const socket = await by.connect({ ...where, checkServerIdentity: tls.checkServerIdentity } as typeof where)
  assert.ok(socket.authorized)
  socket.destroy()
  const own = { ...where, checkServerIdentity: () => undefined }
  assert.match((await failed(by.connect(own as typeof where))).message, /no option 'checkServerIdentity'/)
})

test.run()
