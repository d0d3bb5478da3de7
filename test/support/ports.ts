// Ports of this machine for programs that have to be told one. That a port is free now says nothing of the next moment,
// and tests run beside each other: so a name is kept for each, which one process at a time can have.
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** Below those that the system gives out by itself (net.ipv4.ip_local_port_range). */
const [FIRST, BEHIND] = [20_000, 32_000]
/** Kept for as long as this process lives. */
const kept = new Map<number, Server>()

/** The first of `count` consecutive ports that are free, and that no other test is given while this process lives. */
export async function freePorts(count = 1): Promise<number> {
  const places = Math.floor((BEHIND - FIRST) / count)
  const start = Math.floor(Math.random() * places)
  for (let at = 0; at < places; at += 1) {
    const first = FIRST + ((start + at) % places) * count
    if (await keep(first, count)) return first
  }
  throw new Error(`no ${count} consecutive free ports`)
}

async function keep(first: number, count: number): Promise<boolean> {
  const names = new Map<number, Server>()
  for (let port = first; port < first + count; port += 1) {
    const name = kept.has(port) ? undefined : await listening({ path: `\0tessera-test-port-${port}` })
    if (name !== undefined) names.set(port, name)
    if (name === undefined || !(await isFree(port))) {
      for (const server of names.values()) server.close()
      return false
    }
  }
  for (const [port, name] of names) kept.set(port, name.unref())
  return true
}

async function isFree(port: number): Promise<boolean> {
  const server = await listening({ port, host: '0.0.0.0' })
  if (server === undefined) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** Undefined where somebody else listens there. */
async function listening(place: { readonly path: string } | { readonly port: number; readonly host: string }) {
  const server = createServer().listen({ ...place, exclusive: true })
  try {
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}
