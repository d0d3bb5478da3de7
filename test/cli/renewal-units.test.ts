// The units of a renewal by themselves: any path of Node.js, of the cards and of the folder of the units.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { installTimer, removeTimer, slotsWithTimer, systemdRuns } from '../../src/cli/renewal-timer.ts'
import { hasCode } from '../../src/errors.ts'
import { tempDir } from '../support/temp.ts'

const place = { card: 'work', slot: '9a' }
const timer = { ...place, options: ['--pin-file', '/p'] }
const line = (path: string, name: string) =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? ''

const ANALYZE = 'systemd-analyze'
const hasAnalyze = spawnSync(ANALYZE, ['--version']).status === 0

test('systemd finds Node.js where its path has spaces, % or signs of a shell', async () => {
  for (const name of ['a b', 'a%hb', '%%', 'a;b&c|d', '@a', 'ä', '{a}*']) {
    const config = tempDir('config')
    const node = join(tempDir('node'), name, 'node')
    mkdirSync(dirname(node))
    writeFileSync(node, '#!/bin/sh\n')
    chmodSync(node, 0o755)
    const { service } = await installTimer(timer, { node, environment: { XDG_CONFIG_HOME: config, HOME: '/maria' } })
    assert.ok(line(service, 'ExecStart').startsWith(`"${node.replaceAll('%', '%%')}" "`), service)
    if (!hasAnalyze) continue
    const env = { ...process.env, XDG_RUNTIME_DIR: config }
    const { stderr } = spawnSync(ANALYZE, ['--user', '--man=no', 'verify', service], { encoding: 'utf8', env })
    assert.not.match(stderr, 'tessera-renewal', name)
  }
  if (!hasAnalyze) console.log('# skipped: systemd-analyze verify: it is not installed')
})

test('and a path that it would refuse, or read as another, is refused', async () => {
  for (const name of ['d$x', 'd$$x', "o'b", 'a"b', 'a\\b', 'a\nb', 'a\x7fb']) {
    const config = tempDir('config')
    const installed = installTimer(timer, { node: `/opt/${name}/node`, environment: { XDG_CONFIG_HOME: config } })
    const error = await installed.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(hasCode(error, 'ERR_USAGE'), name)
    assert.match(String(error), 'the path of a program must not contain')
    assert.not(existsSync(join(config, 'systemd')))
  }
})

test('the service looks where this process would, whatever says where', async () => {
  const config = tempDir('config')
  for (const [environment, home] of [
    [{ TESSERA_HOME: '/cards' }, '/cards'],
    [{ XDG_DATA_HOME: '/data', HOME: '/maria' }, '/data/tessera'],
    [{ HOME: '/maria' }, '/maria/.local/share/tessera'],
  ] as const) {
    const { service } = await installTimer(timer, { environment: { ...environment, XDG_CONFIG_HOME: config } })
    assert.is(line(service, 'Environment'), `"TESSERA_HOME=${home}"`)
  }
})

test('a folder that cannot be written is an error about a file', async () => {
  const config = tempDir('config')
  const about = async (work: Promise<unknown>, path: string) => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(hasCode(error, 'ERR_IO'), String(error))
    assert.match(String(error), `Cannot write ${path}`)
  }
  writeFileSync(join(config, 'systemd'), '')
  const environment = { XDG_CONFIG_HOME: config, HOME: '/maria' }
  await about(installTimer(timer, { environment }), config)
  process.env.XDG_CONFIG_HOME = config
  assert.equal(await removeTimer(place), [])
  assert.equal(await slotsWithTimer('work'), [])
  const other = tempDir('config')
  const link = join(other, 'systemd/user/timers.target.wants/tessera-renewal-work-9a.timer')
  mkdirSync(link, { recursive: true })
  await about(installTimer(timer, { environment: { ...environment, XDG_CONFIG_HOME: other } }), link)
  process.env.XDG_CONFIG_HOME = other
  await about(removeTimer(place), link)
})

test('the timers of a card, and of no other', async () => {
  const config = tempDir('config')
  process.env.XDG_CONFIG_HOME = config
  assert.equal(await slotsWithTimer('work'), [])
  for (const [card, slot] of [
    ['work', '9a'],
    ['work', '82'],
    ['work-9a', '9c'],
    ['homework', '9d'],
  ] as const)
    await installTimer({ card, slot, options: [] })
  assert.equal((await slotsWithTimer('work')).sort(), ['82', '9a'])
  assert.equal(await slotsWithTimer('work-9a'), ['9c'])
})

test('whether systemd runs', async () => {
  assert.is(await systemdRuns(tempDir('run')), true)
  assert.is(await systemdRuns('/nowhere/systemd/system'), false)
})

test.run()
