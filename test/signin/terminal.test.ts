// takes: 25 s
// A person signs in at a terminal: asked once, told what happens, signed out by Ctrl-C and by closing the window.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { accounts, signOutElsewhere } from '../../src/signin/index.ts'
import { PROGRAM, SHELL_PROGRAM, secretFile } from '../cli/cli.ts'
import { converse } from '../cli/terminal.ts'
import { atExit, gone, tempDir, within } from '../support/temp.ts'
import { ALICE, PIN, startWorld, WRONG_PIN } from './support.ts'

const { home, service } = await startWorld()
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'

// Without a shell in between, which Ctrl-C would end too.
const signin = `exec ${SHELL_PROGRAM} signin ${ALICE} --service ${service.url} --ca-file '${service.caFile}'`

async function account() {
  const [found] = await accounts({ home })
  assert.ok(found && 'address' in found)
  return found
}

test('a wrong PIN: told once, not asked again', async () => {
  const { screen, code } = await converse(signin, [
    { see: "PIN of card 'work' (5 tries left): ", type: `${WRONG_PIN}\r` },
  ])
  assert.is(code, 4, screen)
  assert.match(screen, '4 tries left')
  assert.is(screen.split('PIN of card').length, 2)
  assert.not.match(screen, WRONG_PIN)
})

test('the right one: signed in until Ctrl-C', async () => {
  const { screen, code } = await converse(signin, [
    { see: "PIN of card 'work' (4 tries left): ", type: `${PIN}\r` },
    { see: 'Ctrl-C or closing this window signs out', type: '\u0003' },
  ])
  assert.is(code, 0, screen)
  assert.match(screen, 'alice@lab.example was signed out, and the card was locked.')
  assert.not.match(screen, PIN)
  assert.is((await account()).ended?.reason, 'signed-out')
})

test('Ctrl-C at the question: nobody is signed in', async () => {
  const { screen, code } = await converse(signin, [{ see: 'PIN of card', type: '\u0003' }])
  assert.is(code, 130, screen)
  assert.is((await account()).signedIn, undefined)
})

test('in the background: asked at the terminal, and there when that is gone', async () => {
  const { screen, code } = await converse(`${signin} --background`, [{ see: 'PIN of card', type: `${PIN}\r` }])
  assert.is(code, 0, screen)
  assert.match(screen, 'Closing this window does not sign out.')
  const { signedIn } = await account()
  assert.ok(signedIn?.background && !gone(signedIn.pid))
  await signOutElsewhere(ALICE, { home })
})

test('Ctrl-C at the question of one for the background: no process stays', async () => {
  const { screen, code } = await converse(`${signin} --background`, [{ see: 'PIN of card', type: '\u0003' }])
  assert.is(code, 130, screen)
  assert.is((await account()).signedIn, undefined)
  const again = await converse(signin, [
    { see: 'PIN of card', type: `${PIN}\r` },
    { see: 'Ctrl-C or closing this window signs out', type: '\u0003' },
  ])
  assert.is(again.code, 0, again.screen)
})

test('closing the window of a session in the foreground signs out', async () => {
  const [node, ...before] = PROGRAM
  const pins = secretFile(join(tempDir('pins'), 'pin'), PIN)
  const child = spawn(node, [...before, 'signin', ALICE, '--pin-file', pins], { stdio: ['ignore', 'pipe', 'inherit'] })
  atExit(() => child.kill('SIGKILL'))
  await within(once(child.stdout, 'data'), 120_000, 'it does not sign in')
  child.kill('SIGHUP')
  const [code] = await within(once(child, 'exit'), 120_000, 'it does not end')
  assert.is(code, 0)
  assert.is((await account()).ended?.reason, 'signed-out')
})

test('forget asks, and a person can think better of it', async () => {
  const command = `${SHELL_PROGRAM} forget ${ALICE}`
  const no = await converse(command, [{ see: 'Type yes to continue: ', type: 'no\r' }])
  assert.is(no.code, 2, no.screen)
  assert.match(no.screen, 'The card and its certificate stay.')
  await account()
  const yes = await converse(command, [{ see: 'Type yes to continue: ', type: 'yes\r' }])
  assert.is(yes.code, 0, yes.screen)
  assert.equal(await accounts({ home }), [])
})

test.run()
