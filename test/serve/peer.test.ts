// takes: 5 s
// Who may have the card: the table of connections, and somebody who is not pcscd at the other end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PcscError } from '../../src/index.ts'
import { checkPeer, isExposed, userId } from '../../src/serve/vpcd/peer.ts'
import { parseTcpRow } from '../../src/serve/vpcd/proc-net-tcp.ts'
import { serveChannel } from '../../src/serve/vpcd/serve.ts'
import { plainCard } from '../pcsc/cards.ts'
import { freePorts } from '../support/ports.ts'
import { atExit, gate, within } from '../support/temp.ts'

const ROW =
  '   2: 0100007F:8C7B 0100007F:9E58 01 00000000:00000000 00:00000000 00000000   118        0 96591 1 00000000983e6d64 100 0 0 10 0                     '

test('a row of the table of connections', () => {
  assert.equal(parseTcpRow(ROW, 'LE'), {
    local: { address: '127.0.0.1', port: 35_963 },
    remote: { address: '127.0.0.1', port: 40_536 },
    state: 'established',
    uid: 118,
    inode: 96_591,
  })
  assert.is(parseTcpRow(ROW.replace('0100007F:8C7B', '7F000001:8C7B'), 'BE')?.local.address, '127.0.0.1')
  assert.is(parseTcpRow(ROW.replace(' 01 ', ' 0A '), 'LE')?.state, 'listening')
  assert.is(parseTcpRow(ROW.replace(' 01 ', ' 06 '), 'LE')?.state, 'other')
  assert.is(parseTcpRow(`1000${ROW.trim()}`, 'LE')?.uid, 118)
})

test('what is no such row', () => {
  const heading = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
  const wrong = ['', heading, ROW.slice(0, 80), ROW.replace('118', '-1'), ROW.replace('7F:8C7B', '7f:8C7B')]
  for (const line of [
    ...wrong,
    ROW.replace('0100007F', '00000000000000000000000001000000'),
    ROW.replace(' 96591', ''),
  ]) {
    assert.is(parseTcpRow(line, 'LE'), undefined, line)
  }
})

test('the user of pcscd, where it has one of its own', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/sh\npcscd:x:118:46::/run/pcscd:/usr/sbin/nologin\nbad:x:many:1::/:/x\n'
  assert.equal(
    ['pcscd', 'root', 'bad', 'pcsc', 'x'].map((name) => userId(passwd, name)),
    [118, 0, undefined, undefined, undefined],
  )
})

/** A server of ours, and a connection to it: the ends that the two sides have. */
async function pair(accepting = true): Promise<{ near: Socket; far: Socket | undefined; close: () => void }> {
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const near = connect(port, '127.0.0.1')
  const [[far]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(near, 'connect')])
  if (!accepting) far.destroy()
  const close = () => {
    near.destroy()
    far.destroy()
    server.close()
  }
  return { near, far, close }
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => (error as PcscError).code,
  )

test('this user may have the card, and who has gone may not', async () => {
  const there = await pair()
  assert.is(await codeOf(checkPeer(there.near, 'it')), undefined)
  assert.is(await codeOf(checkPeer(there.far as Socket, 'it')), undefined)
  there.close()
  const gone = await pair(false)
  await once(gone.near.resume(), 'end').catch(() => undefined)
  assert.is(await codeOf(checkPeer(gone.near, 'it')), 'ERR_SERVE_PEER')
  gone.close()
})

test('a connection that nobody has accepted yet belongs to nobody, and not to root', async () => {
  const listener = await python(`
import socket, sys
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(8)
print(s.getsockname()[1], flush=True)
sys.stdin.read()`)
  const near = connect(Number(await listener.line()), '127.0.0.1')
  await once(near, 'connect')
  assert.is(await codeOf(checkPeer(near, 'it')), 'ERR_SERVE_PEER')
  near.destroy()
  listener.kill()
})

/** A program in Python; as another user where one is named. */
async function python(source: string, user?: string) {
  const as = user === undefined ? [] : ['setpriv', '--reuid', user, '--clear-groups']
  const [program = '', ...rest] = [...as, 'python3', '-c', source]
  const child = spawn(program, rest, { cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: ['pipe', 'pipe', 'inherit'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    line: async () => (await within(lines.next(), 120_000, 'a line')).value as string | undefined,
    kill: () => {
      forget()
      child.kill('SIGKILL')
    },
  }
}

/** Only root can be somebody else. */
const other = process.getuid?.() === 0 ? 'nobody' : undefined
const asOther = (name: string, work: (user: string) => Promise<void>) =>
  test(name, async () => {
    if (other === undefined) console.log(`# skipped: ${name}: it takes root to be another user`)
    else await work(other)
  })

asOther('another user listens where pcscd should: refused, and told nothing', async (user) => {
  const listener = await python(
    `
import socket
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(8)
print(s.getsockname()[1], flush=True)
for _ in range(2):
    c, _ = s.accept()
    c.sendall(bytes.fromhex('000104'))
    got = b''
    while True:
        try: piece = c.recv(100)
        except ConnectionError: break
        if not piece: break
        got += piece
    print('got', len(got), flush=True)`,
    user,
  )
  const refused = gate<Error | undefined>()
  const served = await serveChannel(plainCard(), {
    vpcd: `127.0.0.1:${await listener.line()}`,
    onState: (state, why) => state === 'refused' && refused.open(why),
  })
  const why = await within(refused.promise, 120_000, 'a refusal')
  assert.instance(why, PcscError)
  assert.match(why?.message ?? '', 'runs as the user 65534, and is not pcscd')
  assert.is(await listener.line(), 'got 0')
  assert.is(await listener.line(), 'got 0', 'it is tried again')
  await served.close()
  assert.is(await codeOf(served.ready), 'ERR_CARD_CLOSED')
  listener.kill()
})

asOther('another user connects to a card that listens: let go, and who may have it is not kept out', async (user) => {
  const listen = await freePorts()
  const states: string[] = []
  const served = await serveChannel(plainCard(), { listen, bothPorts: false, onState: (state) => states.push(state) })
  const thief = await python(
    `
import socket
crowd = [socket.create_connection(('127.0.0.1', ${listen})) for _ in range(40)]
for c in crowd:
    try: c.sendall(bytes.fromhex('000104'))
    except ConnectionError: pass
got = 0
for c in crowd:
    try: got += len(c.recv(100))
    except ConnectionError: pass
print('got', got, flush=True)`,
    user,
  )
  assert.is(await thief.line(), 'got 0')
  assert.equal(states, ['waiting', 'refused'])
  const pcscd = connect(listen, '127.0.0.1')
  pcscd.write(Uint8Array.of(0, 1, 1, 0, 1, 4))
  await within(once(pcscd, 'data'), 120_000, 'the ATR')
  assert.equal(states, ['waiting', 'refused', 'inserted'])
  pcscd.destroy()
  await served.close()
})

test('a port that is open to the network is told from one that is not', async () => {
  for (const [host, exposed] of [
    ['0.0.0.0', true],
    ['127.0.0.1', false],
  ] as const) {
    const server = createServer().listen(0, host)
    await once(server, 'listening')
    assert.is(await isExposed((server.address() as { port: number }).port), exposed)
    server.close()
  }
  assert.is(await isExposed(1), false)
})

test.run()
