// One flag, one meaning; and the names that options had before, which still work, with a warning.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { candidates } from '../../src/cli/complete.ts'
import { flagOf, OLD_SPELLINGS } from '../../src/cli/old-spellings.ts'
import { OPTIONS, type OptionName, optionRow } from '../../src/cli/options.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { COMMANDS } from '../../src/cli/table.ts'
import { tempDir } from '../support/temp.ts'
import { tessera } from './cli.ts'

process.env.TESSERA_HOME = tempDir('home')
delete process.env.TESSERA_TCTI

/** Options that differ in their defaults and texts alone, under one name. */
const SAME_MEANING = [
  ['unlockFor', 'serveUnlockFor'],
  ['slot', 'signInSlot'],
  ['caFile', 'serviceCaFile'],
]

/** `create` has the policy for new PINs, commands that make a key when the key needs the PIN: no command has both. */
const ONE_AT_A_TIME = [
  ['format', 'evidenceFormat'],
  ['newPinPolicy', 'pinPolicy'],
  ['out', 'reportFolder'],
  ['pukTries', 'allPukTries'],
]

test('a flag means one thing in every command', () => {
  const byFlag = new Map<string, OptionName[]>()
  for (const name of Object.keys(OPTIONS) as OptionName[]) {
    byFlag.set(flagOf(name), [...(byFlag.get(flagOf(name)) ?? []), name])
  }
  const shared = [...byFlag.values()].filter((names) => names.length > 1)
  assert.equal(shared.map(String).sort(), [...SAME_MEANING, ...ONE_AT_A_TIME].map(String).sort())
  for (const [first, second] of SAME_MEANING) {
    assert.equal(optionRow(first as OptionName), optionRow(second as OptionName))
  }
  for (const pair of ONE_AT_A_TIME) {
    for (const { words, options = [] } of COMMANDS) {
      assert.ok(options.filter((option) => pair.includes(option)).length < 2, words)
    }
  }
})

const rows = OLD_SPELLINGS.flatMap((old) => old.commands.map((command) => ({ ...old, command })))

for (const { command, flag, option } of rows) {
  const row = COMMANDS.find(({ words }) => words === command)
  const args = (row?.args ?? '').split(' ').map(() => 'x')
  const { flags, choices, range } = optionRow(option)
  const value = flags.includes('<') ? [choices?.at(-1) ?? String(range?.[1] ?? 'x')] : []
  const line = (spelling: string) => [...command.split(' '), ...args, spelling, ...value]

  test(`tessera ${command} ${flag}: is ${flagOf(option)}, and says so`, async () => {
    assert.ok(row?.options?.includes(option))
    const options = [flag, flagOf(option)].map((spelling) => {
      let found: unknown
      const program = buildProgram(
        (chosen) => {
          found = chosen.options
        },
        () => undefined,
      )
      program.parse(line(spelling), { from: 'user' })
      return found
    })
    assert.equal(options[0], options[1])
    assert.ok(Object.hasOwn(Object(options[0]), option))

    const [old, now] = [await tessera(line(flag)), await tessera(line(flagOf(option)))]
    const warning = `Warning: ${flag} is now called ${flagOf(option)}. The old name still works in this version.\n`
    assert.is(old.code, now.code)
    assert.ok(old.stderr.startsWith(warning), old.stderr)
    assert.is(old.stderr, warning + now.stderr)
    assert.is(
      (await tessera([...line(flag), '--json'])).stderr,
      (await tessera([...line(flagOf(option)), '--json'])).stderr,
    )
  })

  test(`tessera ${command}: help and completion know ${flagOf(option)} alone`, async () => {
    const help = (await tessera([...command.split(' '), '--help'])).stdout
    assert.match(help, flagOf(option))
    assert.not.match(help, new RegExp(`${flag}\\b(?!-)`))
    const nothing = async () => []
    const none = { cards: nothing, addresses: nothing, users: nothing }
    const offered = await candidates(COMMANDS, [...command.split(' '), ...args, '--'], none)
    assert.ok(offered.includes(flagOf(option)) && !offered.includes(flag), offered.join())
    const values = (spelling: string) => candidates(COMMANDS, [...command.split(' '), ...args, spelling, ''], none)
    assert.equal(await values(flag), await values(flagOf(option)))
  })
}

test('a mandatory option may come by its old name, and is asked for by its new one', async () => {
  const { stderr } = await tessera(['help-desk', 'respond', 'x'])
  assert.match(stderr, '--private-key')
  const said = await tessera(['help-desk', 'respond', 'x', '--key', 'x'])
  assert.match(said.stderr, 'not a challenge')
})

test.run()
