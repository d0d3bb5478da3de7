// The memory of a process that serves a card: PINs and PUKs come to it through PC/SC or PKCS #11.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { FieldWriter } from '../../../src/doors/pkcs11/field-writer.ts'
import { cardInfo, DEFAULT_PIN, DEFAULT_PUK, openCard } from '../../../src/index.ts'
import { ReaderChannel } from '../../../src/pcsc/channel.ts'
import { frame, message, RawProgram } from '../../doors/pkcs11/support/program.ts'
import { seen } from '../../pcsc/cards.ts'
import { send } from '../../support/channels.ts'
import { search } from '../../support/memory.ts'
import { type Pcscd, startPcscd } from '../../support/pcscd.ts'
import { program } from '../../support/program.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { atExit, tempDir, within } from '../../support/temp.ts'
import { ascii, fromHex } from '../../support/wire.ts'

const SECRETS = { pin: '93710482', newPin: '650791', puk: 'qJ~3!Vk/', newPuk: '+gM$u9X?', wrong: '77120366' } as const
const LIMIT = 120_000

const needles = new Map<string, Uint8Array>()
for (const [name, secret] of Object.entries(SECRETS)) {
  needles.set(name, ascii(secret))
  needles.set(`${name} in UTF-16`, Uint8Array.from(Buffer.from(secret, 'utf16le')))
  needles.set(`${name} in hex`, ascii(Buffer.from(secret).toString('hex')))
}

/** Everything that brings a secret to a card, and something behind it: what is read after a PIN is not what clears it. */
async function use(reader: string): Promise<void> {
  const card = await openCard({ reader })
  await card.changePin({ pin: DEFAULT_PIN, newPin: SECRETS.pin })
  await card.changePuk({ puk: DEFAULT_PUK, newPuk: SECRETS.puk })
  await card.changePuk({ puk: SECRETS.puk, newPuk: SECRETS.newPuk })
  await card.verifyPin(SECRETS.wrong).catch(() => undefined)
  await card.unblockPin({ puk: SECRETS.newPuk, newPin: SECRETS.newPin })
  await card.close()
  // Last comes a PIN, in a command by chaining that never ends, and in one that is no good.
  const channel = await ReaderChannel.open(reader)
  await send(channel, Uint8Array.of(0x00, 0x20, 0x00, 0x80, 8, ...ascii(SECRETS.newPin), 0xff, 0xff))
  await send(channel, Uint8Array.of(0x00, 0x20, 0x00, 0x80, 9, ...ascii(SECRETS.newPin), 0xff, 0xff, 0xff))
  await channel.close()
}

/** The same as a PKCS #11 program. Last comes a PIN in a call that is no good, and one in a call that never ends. */
async function useToken(path: string): Promise<void> {
  const program = await RawProgram.ready(path)
  const session = await program.session()
  const set = (name: 'C_SetPIN' | 'C_InitPIN', ...secrets: readonly string[]) =>
    program.call(name, (request) => {
      request.ulong(session)
      for (const secret of secrets) request.byteArray(ascii(secret))
    })
  await set('C_SetPIN', DEFAULT_PIN, SECRETS.pin)
  assert.is(await program.login(session, SECRETS.wrong), 'CKR_PIN_INCORRECT')
  assert.is(await program.login(session, SECRETS.pin), 'CKR_OK')
  await program.call('C_Logout', (request) => request.ulong(session))
  assert.is(await program.login(session, DEFAULT_PUK, 0), 'CKR_OK')
  await set('C_SetPIN', DEFAULT_PUK, SECRETS.puk)
  await set('C_SetPIN', SECRETS.puk, SECRETS.newPuk)
  await set('C_InitPIN', SECRETS.newPin)
  assert.is(await program.login(session, `${SECRETS.newPin}..`, 7), 'CKR_USER_TYPE_INVALID')
  const login = (request: FieldWriter) => request.ulong(session).ulong(1).byteArray(ascii(SECRETS.newPin))
  const last = frame(
    1,
    message('C_Login', (request) => login(request).byte(0)),
  )
  program.socket.write(last.subarray(0, -1))
  // What was read of it is answered in turn: the first answer of another program comes after it.
  await (await RawProgram.ready(path)).close()
  await program.close()
}

/** `how`: who connects to whom. One pcscd a process. */
export async function lookAt(how: 'vpcd' | 'listen' | 'socket' | 'pkcs11'): Promise<void> {
  const swtpm = await startSwtpm()
  const home = tempDir('memory')
  let child: ReturnType<typeof served> | undefined
  let pcscd: Pcscd | undefined
  const serve = async ([port]: readonly [number, number]) => {
    child = served(home, swtpm.tcti, how, port)
    assert.is(await child.line(), 'served')
  }
  let reader = 'Tessera work 00 00'
  const token = join(tempDir('token'), 'pkcs11')
  if (how === 'pkcs11') {
    child = served(home, swtpm.tcti, how, token)
    assert.is(await child.line(), 'served')
  } else if (how === 'socket') {
    process.env.PCSCLITE_CSOCK_NAME = join(tempDir('socket'), 'pcsc')
    child = served(home, swtpm.tcti, how, process.env.PCSCLITE_CSOCK_NAME)
    assert.is(await child.line(), 'served')
  } else if (how === 'listen') pcscd = await startPcscd({ reversed: true, before: serve })
  else {
    pcscd = await startPcscd()
    await serve(pcscd.ports)
  }
  if (child === undefined) throw new Error('no child')
  try {
    if (pcscd !== undefined) {
      reader = pcscd.readers[0]
      await seen(reader, true)
    }
    await (how === 'pkcs11' ? useToken(token) : use(reader))
    assert.equal(await soonFound(child.pid), [], 'before anything is collected')
    child.goOn()
    assert.is(await child.line(), 'used')
    const { cardId } = await cardInfo('work', { home })
    const control = search(child.pid, new Map([['card id', fromHex(cardId)]]))
    assert.ok(control.found.length > 0, 'what is there is found')
    assert.equal(search(child.pid, needles).found, [], 'in use')
    child.goOn()
    assert.is(await child.line(), 'closed')
    assert.equal(search(child.pid, needles).found, [], 'closed')
  } finally {
    child.kill()
    await pcscd?.stop()
    await swtpm.stop()
  }
}

/** What is found once the process has heard that its programs have gone. */
async function soonFound(pid: number): Promise<readonly string[]> {
  const until = performance.now() + 60_000
  for (;;) {
    const { found } = search(pid, needles)
    if (found.length === 0 || performance.now() > until) return found
    await wait(100)
  }
}

function served(...argv: readonly (string | number)[]) {
  const child = spawn(
    process.execPath,
    ['--expose-gc', ...program('test/serve/support/memory-child.ts'), ...argv.map(String)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const forget = atExit(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    pid: child.pid ?? 0,
    line: async () => (await within(lines.next(), LIMIT, 'a line')).value as string | undefined,
    goOn: () => child.stdin.write('go on\n'),
    kill: () => {
      forget()
      child.kill('SIGKILL')
    },
  }
}
