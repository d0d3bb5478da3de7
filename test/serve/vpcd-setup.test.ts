// takes: 1 s
// How vpcd is set up, read from its files; and what doctor says of it.
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { pcsc } from '../../src/doctor/pcsc.ts'
import { vpcd } from '../../src/doctor/vpcd.ts'
import type { Reader } from '../../src/index.ts'
import { fromPcsc } from '../../src/pcsc/codes.ts'
import { endsPcscd, mayReachVpcd, parseSetups, vpcdSetups, vpcdVersion } from '../../src/serve/vpcd/vpcd-setup.ts'
import { tempDir } from '../support/temp.ts'

const LIBRARY = '/usr/lib/pcsc/drivers/serial/libifdvpcd.so'
const DEBIAN = `FRIENDLYNAME "Virtual PCD"\nDEVICENAME   /dev/null:0x8C7B\nLIBPATH      ${LIBRARY}\nCHANNELID    0x8C7B\n`

const setup = (text: string) => parseSetups('f', text).map(({ name, host, port }) => [name, host, port])

test('one file, in every way in which DEVICENAME is written', () => {
  assert.equal(setup(DEBIAN), [['Virtual PCD', undefined, 35_963]])
  for (const [device, host, port] of [
    ['/dev/null:35963', undefined, 35_963],
    ['/dev/null', undefined, 35_963],
    ['nonsense', undefined, 35_963],
    ['127.0.0.1:0x8C7D', '127.0.0.1', 35_965],
    ['localhost:40000', 'localhost', 40_000],
  ] as const) {
    assert.equal(setup(DEBIAN.replace('/dev/null:0x8C7B', device)), [['Virtual PCD', host, port]], device)
  }
})

test('several readers in a file, other drivers, comments and what is none of it', () => {
  const other = 'FRIENDLYNAME "Serial"\nDEVICENAME /dev/ttyS0\nLIBPATH /usr/lib/libccidtwin.so\n'
  const second = DEBIAN.replace('"Virtual PCD"', 'Second').replace('0x8C7B', '0x9000')
  assert.equal(setup(`# a comment\n${DEBIAN}\n${other}\n${second}`), [
    ['Virtual PCD', undefined, 35_963],
    ['Second', undefined, 36_864],
  ])
  for (const text of ['', '#', 'LIBPATH', 'FRIENDLYNAME "a', 'x'.repeat(1000), other]) assert.equal(setup(text), [])
})

/** A machine whose files a test has written. */
function machine(status: string, rows: readonly string[]): { configuration: string; packages: string } {
  const root = tempDir('machine')
  const configuration = join(root, 'reader.conf.d')
  mkdirSync(configuration)
  for (const [index, row] of rows.entries()) writeFileSync(join(configuration, `file${index}`), row)
  writeFileSync(join(root, 'status'), status)
  return { configuration, packages: join(root, 'status') }
}

const installed = (version: string) =>
  `Package: pcscd\nStatus: install ok installed\nVersion: 1.9.9-2\n\nPackage: vsmartcard-vpcd\nStatus: install ok installed\nVersion: ${version}\n\nPackage: other\nStatus: install ok installed\nVersion: 9\n`

test('no vpcd is configured, and none listens: there is none', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const none = machine('', []).configuration
  assert.is(await mayReachVpcd(port, none), true, 'something listens')
  server.close()
  await once(server, 'close')
  assert.is(await mayReachVpcd(port, none), false)
  assert.is(await mayReachVpcd(port, join(none, 'absent')), false)
  assert.is(await mayReachVpcd(port, machine('', [DEBIAN]).configuration), true, 'configured, and not started yet')
})

test('the version that is installed', async () => {
  assert.is(await vpcdVersion(machine(installed('3.3+dfsg-2'), []).packages), '3.3+dfsg-2')
  for (const status of [
    '',
    'Version: 3\n',
    installed('4').replace(/ok installed\nVersion: 4/, 'ok config-files\nVersion: 4'),
  ]) {
    assert.is(await vpcdVersion(machine(status, []).packages), undefined)
  }
  assert.is(await vpcdVersion('/nowhere/status'), undefined)
  assert.equal(await vpcdSetups('/nowhere'), [])
  assert.equal((await vpcdSetups(machine('', [DEBIAN, DEBIAN, 'x'.repeat(100_000)]).configuration)).length, 2)
})

test('which versions end pcscd', () => {
  for (const version of [undefined, '', '3.3+dfsg-2', '3.3', '3.2-1', '0.9', '1:3.3'])
    assert.ok(endsPcscd(version), version)
  for (const version of ['3.4', '3.10+dfsg-1', '4.0', '1:4.0']) assert.not(endsPcscd(version), version)
})

test('doctor: pcscd that is not there, refuses this user, or has readers', async () => {
  const failure = (rc: number) => Object.assign(new Error('SCardEstablishContext'), { layer: 'pcsc', rc })
  const said = async (list: () => Promise<Reader[]>) => {
    const { state, detail, advice } = await pcsc(list)
    return `${state}: ${detail}. ${advice}`
  }
  const failing = (rc: number) => said(async () => Promise.reject(fromPcsc(failure(rc))))
  assert.match(await failing(0x8010_001d), /^warning: .*does not run.*apt-get install pcscd/)
  assert.match(await failing(0x8010_006a), /^warning: pcscd does not let this user use it.*polkit.*undefined$/)
  const readers = [
    { name: 'One', card: true, atr: undefined },
    { name: 'Two', card: false, atr: undefined },
  ]
  assert.match(await said(async () => readers), "ok: pcscd answers; readers: 'One' with a card, 'Two'")
  assert.match(await said(async () => []), 'readers: none')
})

test('doctor: not there, there, connecting, and open to the network', async () => {
  const said = async (status: string, ...rows: string[]) => {
    const [finding] = await vpcd(machine(status, rows))
    return `${finding?.state} ${finding?.what}: ${finding?.detail}. ${finding?.advice}`
  }
  const here = (text: string) =>
    text.replace(LIBRARY, `${process.execPath}`).replace(/LIBPATH .*/, `LIBPATH ${library}`)
  const library = join(tempDir('driver'), 'libifdvpcd.so')
  writeFileSync(library, '')
  assert.match(await said(''), /^warning vpcd: not installed.*apt-get install vsmartcard-vpcd/)
  assert.match(await said(installed('3.3')), /version 3.3 is installed, but \S+ configures no reader/)
  assert.match(
    await said(installed('3.3'), DEBIAN.replace(LIBRARY, '/nowhere/libifdvpcd.so')),
    /warning.*which is not there/,
  )
  const closed = here(DEBIAN.replace('0x8C7B', '1'))
  assert.match(
    await said(installed('3.3'), closed),
    /^ok vpcd 'Virtual PCD': version 3.3, listens for cards at ports 1 and 2/,
  )
  const reversed = here(DEBIAN.replace('/dev/null', '127.0.0.1'))
  assert.match(await said(installed('3.3'), reversed), /^warning.*connects to cards at 127.0.0.1.*end pcscd/)
  assert.match(await said(installed('3.4'), reversed), /^ok/)
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const open = here(DEBIAN.replace('0x8C7B', String(port)))
  const exposed = await said(installed('3.3'), open).finally(() => server.close())
  assert.match(exposed, new RegExp(`^warning.*every interface.*Close ports ${port} and ${port + 1}`))
})

test.run()
