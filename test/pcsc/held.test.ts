// A reader that hangs in the middle of being connected to: pcscd is reached through a socket that holds commands back.
import { createServer, connect as dial, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { listReaderCards } from '../../src/index.ts'
import { startPcscd } from '../support/pcscd.ts'
import { tempDir, within } from '../support/temp.ts'
import { insertCard } from '../support/vpcd.ts'
import { memoryCard, seen } from './cards.ts'

/** pcsc-lite, winscard_msg.h: length of what follows and number of the command, then that. */
const HEADER = 8
const SCARD_CONTROL = 0x0a

/** Hands on what a program sends to pcscd; nothing more from the first `held` command on. */
function holdBack(socket: Socket, towards: Socket, held: number): void {
  let waiting = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk])
    while (waiting.length >= HEADER && waiting.readUInt32LE(4) !== held) {
      const length = HEADER + waiting.readUInt32LE(0)
      if (waiting.length < length) return
      towards.write(waiting.subarray(0, length))
      waiting = waiting.subarray(length)
    }
  })
}

test('a reader that does not say what it can is waited for no longer than for anything else', async () => {
  const pcscd = await startPcscd()
  const path = join(tempDir('held'), 'comm')
  const sockets: Socket[] = []
  const proxy = createServer((socket) => {
    const behind = dial(pcscd.socket)
    sockets.push(socket, behind)
    behind.on('data', (chunk) => socket.write(chunk)).on('error', () => undefined)
    socket.on('error', () => undefined).on('close', () => behind.destroy())
    holdBack(socket, behind, SCARD_CONTROL)
  })
  await new Promise<void>((resolve) => proxy.listen(path, resolve))
  process.env.PCSCLITE_CSOCK_NAME = path
  const inserted = await insertCard(pcscd.ports[0], memoryCard().channel)
  try {
    await seen(pcscd.readers[0], true)
    const [card] = await within(listReaderCards({ waitMs: 300 }), 120_000, 'the listing')
    assert.equal([card?.state, card && 'error' in card && card.error.code], ['busy', 'ERR_READER_BUSY'])
  } finally {
    await inserted.pull()
    for (const socket of sockets) socket.destroy()
    proxy.close()
    await pcscd.stop()
  }
})

test.run()
