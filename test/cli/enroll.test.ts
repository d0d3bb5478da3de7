// takes: 15 s
// Enrolment as a person at a terminal sees it: each secret asked for once, each step said; and Ctrl-C while the CA decides.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORDS, startLab } from '../lab-ca/support.ts'
import { tempDir } from '../support/temp.ts'
import { SHELL_PROGRAM, secretFile, tessera } from './cli.ts'
import { converse } from './terminal.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const pin = secretFile(`${home}/pin`, '135790')

test('password and PIN are asked for once, though a key of policy always wants the PIN twice', async () => {
  const lab = await startLab()
  await tessera(['create', 'work', '--pin', pin])
  const line = `${SHELL_PROGRAM} enroll 9c --est ${lab.url} --ca-file ${lab.certificateFile} --user alice --template smartcard-user`
  const steps = [
    { see: 'Password of alice at the CA: ', type: `${PASSWORDS.alice}\r` },
    { see: "PIN of card 'work' (5 tries left): ", type: '135790\r' },
  ]
  const { screen, code } = await converse(line, steps)
  assert.is(code, 0, screen)
  for (const said of [
    'Making a P-256 key in slot 9c.',
    'Signing the request.',
    'Sending the request to the CA (EST https://',
    'Received the certificate of CN=alice. Checking it.',
    'Testing the key with a signature.',
    'Storing the certificate in slot 9c.',
    'The certificate of CN=alice is in slot 9c, valid until',
    'Accepted by: OpenSC',
  ]) {
    assert.ok(screen.includes(said), `${said}: ${screen}`)
  }
  assert.is(screen.match(/PIN of card/g)?.length, 1)
  for (const secret of ['135790', PASSWORDS.alice]) assert.not.match(screen, secret)
  await lab.close()
})

test('Ctrl-C while the CA decides: the same command goes on later', async () => {
  const lab = await startLab({ pending: true })
  const login = ['--user', 'alice', '--password-file', secretFile(`${home}/password`, PASSWORDS.alice)]
  const words = [
    'enroll',
    '9a',
    '--est',
    lab.url,
    '--ca-file',
    lab.certificateFile,
    ...login,
    '--template',
    'smartcard-user',
  ]
  const line = `${SHELL_PROGRAM} ${words.join(' ')} --pin-file ${pin} --wait 60`
  const { screen, code } = await converse(line, [{ see: 'Asking again at', type: '\u0003' }])
  assert.is(code, 130, screen)
  const later = await tessera([...words, '--pin-file', pin])
  assert.is(later.code, 11, later.stderr)
  assert.match(later.stderr, /^Resuming the enrolment of .*\.$/m)
  assert.match(later.stdout, 'Run the same command again')
  await lab.close()
})

test('what cannot be is said before anything is asked for', async () => {
  for (const [line, says] of [
    ['enroll', 'Name the CA'],
    ['enroll --est https://a --certsrv https://b', 'one CA'],
    ['enroll --est https://a --user a --negotiate', 'Choose one way to log in'],
    ['enroll --est https://a --user a --by-certificate', 'Choose one way to log in'],
    ['enroll --est http://a', 'not the address of a CA'],
    ['enroll 9z --est https://a', 'no slot'],
    ['enroll --est https://a --ca-file /dev/null', 'no usable certificate'],
  ] as const) {
    const { code, stderr } = await tessera(line.split(' '))
    assert.is(code, 2, stderr)
    assert.match(stderr, says)
  }
})

test.run()
