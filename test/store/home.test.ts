// Where cards live, and what they may be called.
import { homedir } from 'node:os'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { UsageError } from '../../src/errors.ts'
import { checkCardName, defaultHome, Home } from '../../src/home/home.ts'

const homes: ReadonlyArray<readonly [Record<string, string>, string]> = [
  [{ TESSERA_HOME: '/t', XDG_DATA_HOME: '/x', HOME: '/h' }, '/t'],
  [{ TESSERA_HOME: '', XDG_DATA_HOME: '/x', HOME: '/h' }, '/x/tessera'],
  [{ TESSERA_HOME: 'here/../there' }, `${process.cwd()}/there`],
  [{ XDG_DATA_HOME: '', HOME: '/h' }, '/h/.local/share/tessera'],
  [{ XDG_DATA_HOME: 'not/absolute', HOME: '/h' }, '/h/.local/share/tessera'],
  [{}, `${homedir()}/.local/share/tessera`],
]
for (const [environment, home] of homes) {
  test(`home for ${JSON.stringify(environment)}`, () => assert.is(defaultHome(environment), home))
}

for (const name of ['a', 'work', 'Work_2', '0', '_', 'a.b-c', 'a..b', 'x'.repeat(64), 'card.card', 'con']) {
  test(`may name a card: ${name}`, () => assert.is(checkCardName(name), name))
}

const wrong = ['', '.', '..', '.x', '-x', '../x', 'a/b', '/etc/passwd', 'a\\b', 'a b', 'a\n', 'a\u0000', 'é', 'a:b']
for (const name of [...wrong, 'reader:', 'reader:Yubico', 'x'.repeat(65), '\u202ecard', '~', '*', '%2e']) {
  test(`may not name a card: ${JSON.stringify(name)}`, () => {
    const refused = (error: unknown) => {
      assert.instance(error, UsageError)
      const { code, message } = error as UsageError
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
      assert.not.match(message, /[\u0000-\u001f]/)
      return code === 'ERR_CARD_NAME'
    }
    assert.throws(() => checkCardName(name), refused)
    for (const kind of ['card', 'lock', 'journal', 'journalLock'] as const) {
      assert.throws(() => new Home('/h').of(name, kind), refused)
    }
  })
}

test('what is no text may not name a card', () => {
  for (const name of [undefined, null, 7, ['work'], { toString: () => 'work' }]) {
    assert.throws(
      () => checkCardName(name as string),
      (error: unknown) => error instanceof UsageError,
    )
  }
})

test('a card in a reader is told from a card in the TPM', () => {
  assert.throws(() => checkCardName('reader:Yubico'), /card in a reader/)
})

test('no two files of two cards have one path', () => {
  const home = new Home('/h')
  const names = ['a', 'a.card', 'a.lock', 'a.journal', 'a.journal-lock', 'a.card-tmp', 'a.journal-tmp', 'a.card.lock']
  const paths = names.flatMap((name) => [
    ...(['card', 'lock', 'journal', 'journalLock'] as const).map((kind) => home.of(name, kind)),
    `${home.of(name, 'card')}-tmp`,
    `${home.of(name, 'journal')}-tmp`,
  ])
  assert.is(new Set(paths).size, paths.length)
})

test('the paths', () => {
  const home = new Home('/h')
  assert.equal(
    [home.of('w', 'card'), home.of('w', 'lock'), home.of('w', 'journal'), home.tpmState],
    ['/h/cards/w.card', '/h/cards/w.lock', '/h/cards/w.journal', '/h/tpm/state'],
  )
})

test.run()
