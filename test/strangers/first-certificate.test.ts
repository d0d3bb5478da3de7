// takes: 30 s
// docs/first-certificate.md: its commands, exactly.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startPcscd } from '../support/pcscd.ts'
import { commandsOf, runPage } from './support/page.ts'

const commands = commandsOf('docs/first-certificate.md')

test('every command of the page succeeds, and openssl and OpenSC agree', async () => {
  const pcscd = await startPcscd()
  try {
    const { stdout, all } = await runPage(commands, { vpcd: pcscd.ports[0] })
    for (const said of [
      /^Card 'work' was created\.$/m,
      /^The PIN was changed\.$/m,
      /^The certificate of CN=maria is in slot 9a, valid until/m,
      /^Name: +My first$/m,
      /^UPN: +maria@lab\.example$/m,
      /^Accepted by: .*ssh/m,
      /^9a {2}maria {2}ends in \d+ days$/m,
      /^The certificate of CN=maria is in slot 9c, valid until/m,
      /^Card 'work' was destroyed\./m,
    ]) {
      assert.match(stdout, said, all)
    }
    assert.is(stdout.match(/^(maria|signing)\.pem: OK$/gm)?.length, 3, all)
    assert.is(stdout.match(/^Verified OK$/gm)?.length, 2, all)
    assert.is(stdout.match(/^Certificate Object; type = X\.509 cert$/gm)?.length, 2, all)
  } finally {
    await pcscd.stop()
  }
})

test('the page has commands of both halves', () => {
  assert.ok(commands.length > 30)
  assert.ok(commands.some((line) => line.includes('reader:virtual enroll')))
})

test.run()
