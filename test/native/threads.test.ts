// A process that may start no thread more: whatever wants one says so, and the process goes on.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../src/native.ts'

const addon = new URL('../../native/build/Release/tessera.node', import.meta.url).pathname

/**
 * As a user that is not root, whom no such limit binds; what works before works again after. Node's own threads are
 * there by the time of the limit.
 */
const PROGRAM = `
  const { execFileSync } = require('node:child_process')
  const native = require(${JSON.stringify(addon)})
  const open = () => native.openTpm({ tcti: 'swtpm:path=/nowhere', stateFile: '', createState: false, waitMs: 0 })
  const limit = (count) => execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=' + count + ':'])
  const say = (what, error) => console.log(what + ': ' + error.layer + ', ' + error.message)
  async function work() {
    await require('node:fs/promises').stat('/')
    const monitor = await new Promise((resolve) => { const one = new native.PcscMonitor(() => resolve(one)) })
    if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534) }
    const { spawn } = require('node:child_process')
    // Raising it again takes a process, which is there before.
    const raise = spawn('sh', ['-c', 'read line; prlimit --pid ' + process.pid + ' --nproc=4000:; echo raised; read line'], { stdio: ['pipe', 'pipe', 'inherit'] })
    limit(1)
    for (const [what, start] of Object.entries({
      tpm: open, connection: () => new native.PcscConnection(), monitor: () => new native.PcscMonitor(() => {}),
    })) {
      try { await start(); console.log(what + ': started') } catch (error) { say(what, error) }
    }
    monitor.close() // has a thread end it, where it may
    raise.stdin.write('go\\n')
    await new Promise((resolve) => raise.stdout.once('data', resolve))
    const { reason } = await open().catch((error) => error) // there is none, which its thread found out
    new native.PcscConnection().close()
    console.log('goes on: ' + reason)
    process.exit(0)
  }
  work().catch((error) => { console.log('failed: ' + error.stack); process.exit(1) })`

test('a TPM, a connection to a reader and a monitor, with no thread to be had', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', PROGRAM])
  const lines = stdout.trim().split('\n')
  assert.is(lines.length, 4, stdout)
  assert.match(lines[0] ?? '', /^tpm: tcti, No thread can be started/)
  assert.match(lines[1] ?? '', /^connection: pcsc, No thread can be started/)
  assert.match(lines[2] ?? '', /^monitor: pcsc, No thread can be started/)
  assert.is(lines[3], 'goes on: absent')
})

test('no native class has a getter, which Node calls for any object', () => {
  const classes = Object.entries(native()).filter(([, value]) => typeof value === 'function' && value.prototype)
  assert.ok(classes.length >= 4)
  for (const [name, { prototype }] of classes as [string, { prototype: object }][]) {
    for (const [key, { get, set }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      assert.not(get ?? set, `${name}.${key}`)
    }
  }
})

test.run()
