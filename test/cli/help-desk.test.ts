// The help desk at two terminals: what it signs is shown, and a typing error costs nothing.
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatChallenge } from '../../src/tpm/help-desk.ts'
import { tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, tessera } from './cli.ts'
import { converse } from './terminal.ts'

process.env.TESSERA_HOME = tempDir('home')
process.env.TESSERA_TCTI = 'embedded:'
const folder = tempDir('help-desk')
const privateKey = join(folder, 'private.pem')
const publicKey = join(folder, 'public.pem')
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
writeFileSync(privateKey, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
writeFileSync(publicKey, pair.publicKey.export({ type: 'spki', format: 'pem' }))

test('a challenge whose lifetime somebody raised is refused, and nothing is signed', async () => {
  const raised = formatChallenge({ cardId: new Uint8Array(16), nonce: new Uint8Array(16), seconds: 0x7fffffff })
  const { code, stdout, stderr } = await tessera(['help-desk', 'respond', raised, '--private-key', privateKey])
  assert.equal([code, stdout], [2, ''])
  assert.match(stderr, 'asks for 2147483647 seconds')
})

test('a mistyped response is asked for again, then the new PIN; the same challenge serves', async () => {
  assert.is((await tessera(['create', 'work', '--puk', 'none', '--help-desk-key', publicKey])).code, 0)
  let shown = ''
  let response = ''
  const challenge = () => /C-[0-9A-Z-]+/.exec(shown)?.[0] ?? ''
  const steps = [
    {
      see: 'Response: ',
      get type() {
        return 'R-00000\r'
      },
    },
    {
      see: 'misread',
      get type() {
        return ''
      },
    },
    {
      see: 'Response: ',
      get type() {
        return `${response}\r`
      },
    },
    { see: 'New PIN (6 to 8 digits): ', type: '246802\r' },
    { see: 'Enter it again: ', type: '246802\r' },
  ]
  // What the help desk answers is there before the second question: it is made when the challenge is on the screen.
  const { privateKey: key } = pair
  const { respond } = await import('../../src/tpm/help-desk.ts')
  const { code, screen } = await converse(`${SHELL_PROGRAM} pin unblock --help-desk`, steps, process.env, (screen) => {
    shown = screen
    if (response === '' && /C-[0-9A-Z-]+\r?\n/.test(screen)) response = respond(challenge(), key)
  })
  assert.is(code, 0, screen)
  assert.match(screen, 'The new PIN is set')
})

test('a card without a PUK asks for none', async () => {
  for (const line of ['pin unblock', 'pin change-puk']) {
    const { code, stderr } = await tessera(line.split(' '))
    assert.is(code, 8, stderr)
    assert.match(stderr, 'This card was made without a PUK')
  }
})

test('what is signed is shown', async () => {
  const asked = formatChallenge({ cardId: new Uint8Array(16).fill(7), nonce: new Uint8Array(16), seconds: 900 })
  const { code, stderr } = await tessera(['help-desk', 'respond', asked, '--private-key', privateKey])
  assert.is(code, 0, stderr)
  assert.match(
    stderr,
    `For 15 minutes, whoever has the response can set a new PIN on the card with the id ${'07'.repeat(16)}`,
  )
})

test.run()
