// A process of its own that uses an agent in one way, and then has nothing more to do: `tsx child.ts WAY`.

import { once } from 'node:events'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { native } from '../../../src/native.ts'
import { type CardAgentOptions, cardAgent } from '../../../src/tls/index.ts'
import { PIN, startSubject } from '../../contract/subjects.ts'
import { enrolled } from './cards.ts'
import { slowed } from './slow.ts'
import { authority, startServer } from './world.ts'

const subject = await startSubject('memory')
const ca = authority('ca')
const server = await startServer(ca)
server.unref()
const { card, hold, holding } = slowed((await enrolled(subject, ca)).channel)
const agentOf = (options: CardAgentOptions = {}) => cardAgent(card, '9a', { ca: ca.ca, onPin: PIN, ...options })

const WAYS: Readonly<Record<string, () => Promise<void>>> = {
  async idle() {
    const agent = await agentOf()
    const answer = await agent.fetch(server.url)
    console.log(await answer.text())
  },
  async unref() {
    const agent = await agentOf()
    const socket = await agent.connect({ host: '127.0.0.1', port: server.port })
    socket.unref()
    console.log('Maria')
  },
  async destroyed() {
    const agent = await agentOf()
    await agent.connect({ host: '127.0.0.1', port: server.port })
    agent.destroy()
    console.log('Maria')
  },
  async killed() {
    const agent = await agentOf()
    const started = once(process, 'worker') as Promise<[Worker]>
    const socket = await agent.connect({ host: '127.0.0.1', port: server.port })
    const [thread] = await started
    const lost = once(socket, 'error')
    await thread.terminate()
    await lost
    console.log(await (await agent.fetch(server.url)).text())
  },
  async thread() {
    // All of it in a thread: what ends there is the thread.
    if (isMainThread) return void (await once(threadOf('thread'), 'exit'))
    await WAYS.idle?.()
  },
  async terminated() {
    if (!isMainThread) {
      await signing()
      return parentPort?.postMessage('signing')
    }
    const thread = threadOf('terminated')
    await once(thread, 'message')
    await thread.terminate()
    console.log('Maria')
  },
  async exit() {
    await signing()
    process.exit(0)
  },
  async exception() {
    await signing()
    throw new Error('mine')
  },
  async missing() {
    Object.assign(native(), { registerProvider: () => false })
    await agentOf().catch((error) => console.log(error.code, /docs\/serve\.md/.test(error.message)))
  },
}

/** This file in a worker thread. */
function threadOf(way: string): Worker {
  const reader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const code = `import(${reader}).then(({ register }) => { register(); return import(${JSON.stringify(import.meta.url)}) })`
  return new Worker(code, { eval: true, argv: [way] })
}

/** The thread waits for the card, for ever. */
async function signing(): Promise<void> {
  const agent = await agentOf()
  await card.verifyPin(PIN)
  hold()
  agent.connect({ host: '127.0.0.1', port: server.port }).catch(() => {})
  await holding()
  console.log('Maria')
}

await WAYS[process.argv[2] ?? '']?.()
