// Advice that works: every command line that a message or a document prints, run in the state in which it is printed. Those
// that need a CA, a service or a reader: advice-services.test.ts.
import { spawnSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatChallenge } from '../../src/tpm/help-desk.ts'
import { root } from '../runner/jobs.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { ADVICE, type CardState } from './advice.ts'
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
writeFileSync(join(files, 'README.md'), 'read me')
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

const openssl = (...argv: string[]) => spawnSync('openssl', argv, { stdio: 'pipe' })

/** How a card comes to be in each state, in a home of its own; what `{name}` in the typed line stands for. */
const STATES: Readonly<Record<CardState, () => Promise<Readonly<Record<string, string | number>>>>> = {
  async none() {
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'help-desk-private.pem')
    openssl('pkey', '-in', 'help-desk-private.pem', '-pubout', '-out', 'help-desk-public.pem')
    const challenge = formatChallenge({ cardId: new Uint8Array(16), nonce: new Uint8Array(16), seconds: 900 })
    return { challenge }
  },
  async fresh() {
    await run(0, 'create work')
    return {}
  },
  async empty() {
    await run(0, 'create work --pin pin --puk puk')
    return {}
  },
  async keyed() {
    await STATES.empty()
    await run(0, 'key generate 9a --pin-file pin')
    return {}
  },
  async ready() {
    await STATES.keyed()
    await run(0, 'cert self-sign 9a --days 20 --pin-file pin -o 9a.pem --trace trace')
    return {}
  },
  async begun() {
    await STATES.empty()
    await run(1, 'enroll 9c --est https://127.0.0.1:1 --pin-file pin')
    return {}
  },
  async halfRenamed() {
    await STATES.ready()
    const card = join(process.env.TESSERA_HOME ?? '', 'cards/work.card')
    copyFileSync(card, 'before.card')
    await run(0, 'rename work office')
    copyFileSync('before.card', card)
    const { stderr } = await tessera(['destroy', 'work', '--yes'])
    assert.match(stderr, 'giving it another name was interrupted')
    return {}
  },
  async desk() {
    await run(0, 'create desk')
    return {}
  },
  async blocked() {
    await blocked()
    return {}
  },
  async helpDesk() {
    await STATES.none()
    await run(0, 'create work --pin pin --puk none --help-desk-key help-desk-public.pem --pin-tries 1')
    await run(4, 'pin verify --last-try --pin-file wrong')
    return {}
  },
  async nobody() {
    await blocked('none')
    return {}
  },
  async swtpm() {
    const { port } = await startSwtpm({ tcp: true })
    return { port }
  },
}

test.before.each(() => {
  process.env.TESSERA_HOME = tempDir('home')
  process.chdir(files)
})
test.after.each(() => process.chdir(root))

for (const { line, state, typed = line, code = 0 } of ADVICE) {
  test(`${state}: tessera ${line}`, async () => {
    const values = await STATES[state]()
    await run(
      code,
      typed.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name])),
    )
  })
}

const PUK = 'Unblock it with the PUK: tessera pin unblock.'
const HELP_DESK = 'Unblock it with the help desk: tessera pin unblock --help-desk.'
const NOBODY = 'Nobody can unblock it. Make the card again, without its keys: tessera reset work.'
const waysOut: ReadonlyArray<readonly [CardState, string, readonly string[]]> = [
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

test('with a second card, what is still to be changed names the card', async () => {
  await run(0, 'create first')
  const said = await run(0, 'create work')
  const [, line = ''] = /the PIN is the default one\. Change it: tessera (.*)\.$/m.exec(said) ?? []
  await run(0, `${line} --pin-file change`)
  assert.not.match(await run(0, 'info work'), 'the PIN is the default one')
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
