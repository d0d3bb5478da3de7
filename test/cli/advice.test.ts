// Advice that works: every command line that a message prints, run in the state in which it is printed.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { tempDir } from '../support/temp.ts'
import { ADVICE, OTHER_PROGRAMS, type State } from './advice.ts'
import { secretFile, tessera, tesseraProcess } from './cli.ts'

process.env.TESSERA_TCTI = 'embedded:'
const files = tempDir('advice')
const file = (name: string, ...lines: string[]) => secretFile(join(files, name), ...lines)
file('pin', '135790')
file('puk', '86753098')
file('wrong', '000000', '000000', '000000')
file('wrong-puk', '00000000', '246802')
file('change', '12345678', '135790')
file('change-puk', '12345678', '86753098')
file('unblock', '86753098', '246802')
file('admin', '135790', '00112233445566778899aabbccddeeff')

async function run(code: number, line: string): Promise<string> {
  const found = await tessera(line.split(' '))
  assert.is(found.code, code, `tessera ${line}: ${found.stderr}`)
  return found.stdout + found.stderr
}

const blocked = async (puk = 'puk', pukTries = 5) => {
  await run(0, `create work --pin pin --puk ${puk} --pin-tries 1 --puk-tries ${pukTries}`)
  await run(4, 'pin verify --last-try --pin-file wrong')
}

/** How a card comes to be in each state, in a home of its own. */
const STATES: Readonly<Record<State, () => Promise<unknown>>> = {
  none: async () => undefined,
  fresh: () => run(0, 'create work'),
  async ready() {
    await run(0, 'create work --pin pin --puk puk')
    await run(0, 'key generate 9a --pin-file pin')
    await run(0, 'cert self-sign 9a --days 20 --pin-file pin -o 9a.pem')
  },
  blocked: () => blocked(),
  async helpDesk() {
    spawnSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', 'desk.pem'])
    spawnSync('openssl', ['pkey', '-in', 'desk.pem', '-pubout', '-out', 'desk.pub'])
    await run(0, 'create work --pin pin --puk none --help-desk-key desk.pub --pin-tries 1')
    await run(4, 'pin verify --last-try --pin-file wrong')
  },
  nobody: () => blocked('none'),
}

test.before.each(() => {
  process.env.TESSERA_HOME = tempDir('home')
  process.chdir(files)
})
test.after.each(() => process.chdir(root))

for (const { line, state, typed, code = 0 } of ADVICE) {
  test(`${state}: tessera ${line}`, async () => {
    await STATES[state]()
    const { code: found, stderr } = await tessera(typed.split(' '))
    assert.is(found, code, `tessera ${typed}: ${stderr}`)
  })
}

const PUK = 'Unblock it with the PUK: tessera pin unblock.'
const HELP_DESK = 'Unblock it with the help desk: tessera pin unblock --help-desk.'
const NOBODY = 'Nobody can unblock it. Make the card anew, without its keys: tessera reset work.'
const waysOut: ReadonlyArray<readonly [State, string, readonly string[]]> = [
  ['blocked', PUK, [HELP_DESK, NOBODY]],
  ['helpDesk', HELP_DESK, [PUK, NOBODY]],
  ['nobody', NOBODY, [PUK, HELP_DESK]],
]
for (const [state, way, others] of waysOut) {
  test(`a blocked PIN, ${state}: what is named is what there is`, async () => {
    await STATES[state]()
    for (const [code, line] of [
      [0, 'pin status'],
      [5, 'pin verify --pin-file pin'],
    ] as const) {
      const said = await run(code, line)
      assert.ok(said.includes(way), said)
      for (const other of others) assert.not(said.includes(other), said)
    }
  })
}

test('a blocked PUK is no way out, and its default no advice by itself', async () => {
  await blocked('puk', 1)
  await run(6, 'pin unblock --last-try --pin-file wrong-puk')
  assert.ok((await run(0, 'pin status')).includes(NOBODY))
  await run(0, 'reset work --yes')
  await run(0, 'create other --puk-tries 1')
  await run(6, 'pin change-puk --last-try --pin-file wrong-puk --card other')
  assert.match(await run(0, 'info other'), 'Unless it is blocked, change it')
})

test('command lines of openssl', () => {
  const sh = (script: string) => {
    const { status, stderr } = spawnSync('/bin/sh', ['-ec', script], { encoding: 'utf8', cwd: files })
    assert.is(status, 0, `${script}: ${stderr}`)
  }
  sh('openssl ecparam -genkey -name prime256v1 -noout -out traditional.pem')
  sh('openssl req -x509 -new -key traditional.pem -subj /CN=old -out old.pem')
  const wrap = 'openssl pkcs12 -export -inkey traditional.pem -in old.pem -passout pass:geheim -out old.p12'
  for (const export_ of [wrap, `${wrap} -legacy`]) {
    sh(export_)
    for (const { script } of OTHER_PROGRAMS) sh(script)
  }
})

test('without a home: what to set', async () => {
  const env = { HOME: '', TESSERA_HOME: '', XDG_DATA_HOME: '' }
  const script = `process.getuid; require('node:os').homedir = () => { throw new Error('uv_os_homedir') }`
  const { code, stderr } = await tesseraProcess(['list'], {
    env: {
      ...env,
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`import{createRequire as c,syncBuiltinESMExports as s}from'node:module';const require=c('/');${script};s()`)}`,
    },
  })
  assert.is(code, 2, stderr)
  assert.match(stderr, 'Set HOME, or TESSERA_HOME')
  assert.not.match(stderr, 'Internal error')
})

test.run()
