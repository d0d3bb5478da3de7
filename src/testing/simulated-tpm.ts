// A swtpm that answers no sooner than a chip would.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type ChipName, timeOf } from './chips.ts'
import { type SoftwareTpm, startSoftwareTpm } from './software-tpm.ts'

const HEADER = 10

/** Sockets are in `folder`. @throws TpmError ERR_TPM_ABSENT where swtpm is not installed, or does not start */
export async function startSimulatedTpm(folder: string, chip: ChipName): Promise<SoftwareTpm> {
  const swtpm = await startSoftwareTpm(folder)
  const open = new Set<Socket>()
  const server = createServer((client) => {
    // As many connections as programs: swtpm serves the first, as without us.
    const tpm = connect(join(folder, 'tpm.sock'))
    for (const socket of [client, tpm]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        tpm.destroy()
      })
    }
    relay(client, tpm, chip)
  })
  const path = join(folder, 'chip.sock')
  server.listen(path)
  await once(server, 'listening')
  server.unref()
  return {
    tcti: `swtpm:path=${path}`,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
      await swtpm.stop()
    },
  }
}

/** One command at a time, as TPMs have it. */
function relay(client: Socket, tpm: Socket, chip: ChipName): void {
  let due = 0
  const waiting = new Set<NodeJS.Timeout>()
  client.on('close', () => {
    for (const timer of waiting) clearTimeout(timer)
  })
  whole(client, (command) => {
    due = performance.now() + timeOf(chip, command)
    tpm.write(command)
  })
  whole(tpm, (answer) => {
    const timer = setTimeout(
      () => {
        waiting.delete(timer)
        if (!client.destroyed) client.write(answer)
      },
      Math.max(0, due - performance.now()),
    )
    waiting.add(timer)
  })
}

/** Calls `take` with each message, whose length is in its octets 2 to 5. */
function whole(socket: Socket, take: (message: Buffer) => void): void {
  let pending = Buffer.alloc(0)
  socket.on('data', (part: Buffer) => {
    pending = Buffer.concat([pending, part])
    while (pending.length >= HEADER) {
      const length = pending.readUInt32BE(2)
      if (length < HEADER) {
        socket.destroy()
        return
      }
      if (pending.length < length) return
      take(Buffer.from(pending.subarray(0, length)))
      pending = pending.subarray(length)
    }
  })
}
