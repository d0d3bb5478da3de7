// takes: 10 s
// The TPM goes while its card is served: what comes is answered with 6F00, the reason is said, and nothing of a command
// is: no PIN, no octet of an APDU. With the TPM back the card works on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ReaderChannel } from '../../src/pcsc/channel.ts'
import { secretFile, tessera } from '../cli/cli.ts'
import { seen } from '../pcsc/cards.ts'
import { send } from '../support/channels.ts'
import { octets } from '../support/octets.ts'
import { startPcscd } from '../support/pcscd.ts'
import { startProxy } from '../support/proxy.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { ascii } from '../support/wire.ts'
import { startServe } from './support/process.ts'

const PIN = '90417325'

test('no word of what was sent', async () => {
  const home = tempDir('home')
  const tpm = await startSwtpm()
  const proxy = await startProxy(tpm.path)
  process.env.TESSERA_HOME = home
  process.env.TESSERA_TCTI = proxy.tcti
  const pcscd = await startPcscd()
  const created = await tessera(['create', 'work', '--pin', secretFile(`${home}/pin`, PIN)])
  assert.is(created.code, 0, created.stderr)
  const serve = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`, '--log-level', 'debug'])
  await serve.line()
  await seen(pcscd.readers[0], true)

  const twice = await tessera(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[1]}`])
  assert.is(twice.code, 1, 'a TPM of its own is no bar to others, but a card is served once')
  assert.match(twice.stderr, `Another process (${serve.pid}) serves card 'work' already`)

  const channel = await ReaderChannel.open(pcscd.readers[0])
  const verify = () => send(channel, Uint8Array.of(0x00, 0x20, 0x00, 0x80, 8, ...ascii(PIN)))
  assert.equal(await send(channel, octets('00a4040005a000000308')).then((answer) => answer.slice(-2)), octets('9000'))
  assert.equal(await verify(), octets('9000'))
  proxy.hooks = { onCommand: () => 'drop' }
  assert.equal(await verify(), octets('6f00'))
  proxy.hooks = {}
  assert.equal(await verify(), octets('9000'))
  await channel.close()

  assert.is(await serve.stop('SIGTERM'), 0, serve.stderr())
  const said = serve.stderr()
  assert.match(said, /ERR_TPM_(GONE|TIMEOUT)/)
  for (const secret of [
    PIN,
    Buffer.from(PIN).toString('hex'),
    Buffer.from(PIN).toString('base64'),
    '00200080',
    '0020 0080',
  ]) {
    assert.not.match(said.toLowerCase(), secret.toLowerCase())
  }
  await pcscd.stop()
  await tpm.stop()
})

test.run()
