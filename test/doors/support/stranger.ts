// A program of another user at the socket of a door. Only root can be somebody else.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { within } from '../../support/temp.ts'

/** Connects as another user and answers what it hears until the end. */
const STRANGER = `
const { connect } = require('node:net')
process.setgid(65534); process.setuid(65534)
const socket = connect(process.argv[1])
socket.on('error', () => {}).on('data', () => process.stdout.write('heard'))
socket.write(Buffer.from(process.argv[2], 'hex'))
socket.on('close', () => process.stdout.write('closed'))
`

/** What another user hears who says `hello`. The door of the folder is opened, to see the second one. */
export async function strangerHears(path: string, hello: Uint8Array): Promise<string> {
  for (let folder = dirname(path); folder !== '/tmp' && folder !== '/dev/shm' && folder !== '/'; ) {
    chmodSync(folder, 0o711)
    folder = dirname(folder)
  }
  chmodSync(path, 0o666)
  const words = ['-e', STRANGER, path, Buffer.from(hello).toString('hex')]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString()
  })
  await within(once(child, 'close'), 120_000, 'the stranger')
  return said
}
