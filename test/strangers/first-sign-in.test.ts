// time limit: 900 s
// takes: 60 s
// docs/first-sign-in.md: its commands, exactly, with a card in the embedded TPM and with one in swtpm.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../runner/jobs.ts'
import { startPcscd } from '../support/pcscd.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { commandsOf, runPage } from './support/page.ts'

const commands = commandsOf('docs/first-sign-in.md')
const [pcscd, swtpm] = [await startPcscd(), await startSwtpm()]
test.after(async () => {
  await pcscd.stop()
  await swtpm.stop()
})

for (const tcti of ['embedded:', swtpm.tcti]) {
  test(`every command of the page succeeds: ${tcti.split(':', 1)[0]}`, async () => {
    const { stdout, all } = await runPage(commands, { vpcd: pcscd.ports[0], tcti }, root)
    const count = (pattern: RegExp) => stdout.match(pattern)?.length ?? 0
    assert.equal(
      {
        signedIn: count(
          /^Signed in to https:\S+ as maria \(maria@lab\.example\) until .*in the background \(process \d+\)\./gm,
        ),
        page: count(/Signed in as Maria \(maria@lab\.example\) by certificate, TLS 1\.3/g),
        listed: count(/^maria@lab\.example +signed in since/gm),
        signedOut: count(/^maria@lab\.example was signed out, and the card was locked\. The/gm),
        removed: count(/^maria@lab\.example +card removed /gm),
        forgotten: count(/maria@lab\.example was deleted\. The card and its certificate are as they were\.$/gm),
        nothing: count(/^No account is remembered/gm),
        destroyed: count(/^Card 'work' was destroyed\./gm),
      },
      { signedIn: 5, page: 2, listed: 2, signedOut: 4, removed: 1, forgotten: 2, nothing: 1, destroyed: 1 },
      all,
    )
  })
}

test('the page has commands of both halves', () => {
  assert.ok(commands.length > 45)
  assert.ok(commands.some((line) => line.includes('signin maria@lab.example --card reader:virtual')))
})

test.run()
