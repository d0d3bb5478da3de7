// takes: 15 s
// OpenSSH with keys of the card: their public keys, a login, an agent, and a signature of a file.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { atExit, within } from '../support/temp.ts'
import { NAMES, OPENSC, type UsedSlot } from './support/opensc.ts'
import { PIN, type Served, type ServedCard, startServed, TRIES, triesLeft, WRONG_PIN } from './support/served.ts'
import { askpass, LOGGED_IN, login, publicKeyOf, WITH_CARD } from './support/ssh.ts'
import { SSHD_IS_HERE, startSshd } from './support/sshd.ts'
import { file, newFile, ok, type RunOptions, refused, run, says } from './support/tools.ts'

let served: Served
test.before(async () => {
  served = await startServed(['curve', 'prime'])
})
test.after(() => served?.stop())

const sshKey = (card: ServedCard, slot: UsedSlot): Promise<string> => publicKeyOf(card.publicKey(slot))

test('ssh-keygen -D: all keys of all cards, with their names', async () => {
  const { stdout, all } = await ok('ssh-keygen', ['-D', OPENSC])
  const lines = stdout.trim().split('\n')
  for (const card of served.cards) {
    for (const slot of Object.keys(NAMES) as UsedSlot[]) {
      assert.ok(lines.includes(`${await sshKey(card, slot)} ${NAMES[slot].publicKey}`), `${card.name} ${slot}\n${all}`)
    }
  }
  assert.is(lines.length, 10, all)
})

/** A test that wants a server to log in to. */
function testLogin(name: string, work: () => Promise<void>): void {
  test(name, async () => {
    if (SSHD_IS_HERE) await work()
    else console.log(`# skipped: ${name}: sshd is not installed`)
  })
}

for (const [at, name] of [
  [0, 'P-256'],
  [1, 'RSA-2048'],
] as const) {
  testLogin(`a login with the ${name} key of 9a`, async () => {
    const card = served.cards[at]
    assert.ok(card)
    const sshd = await startSshd(await sshKey(card, '9a'))
    try {
      const said = await login(sshd, WITH_CARD, askpass(PIN))
      says(said, LOGGED_IN)
      assert.match(sshd.log(), /Accepted publickey for/)
    } finally {
      await sshd.stop()
    }
  })
}

testLogin(
  '9c, `always`: no login, since OpenSC asks the card something between the PIN and the signature',
  async () => {
    const [card] = served.cards
    assert.ok(card)
    const sshd = await startSshd(await sshKey(card, '9c'))
    try {
      // CKR_USER_NOT_LOGGED_IN. OpenSSH takes the login for the PIN of the first signature, and its agent asks for none.
      says(await login(sshd, WITH_CARD, askpass(PIN), refused), /C_Sign failed: 257/)
      assert.is(await triesLeft(card), TRIES.pin)
    } finally {
      await sshd.stop()
    }
  },
)

testLogin('no login with a wrong PIN, which costs a try, nor with a key that the server does not know', async () => {
  const [card, other] = served.cards
  assert.ok(card && other)
  const sshd = await startSshd(await sshKey(card, '9d'))
  const elsewhere = await startSshd('')
  try {
    await login(sshd, WITH_CARD, askpass(WRONG_PIN), refused)
    assert.not.match(sshd.log(), /Accepted publickey for/)
    assert.is(await triesLeft(card), TRIES.pin - 1)
    says(await login(elsewhere, WITH_CARD, askpass(PIN), refused), /Permission denied \(publickey\)/)
    await card.look((one) => one.verifyPin(PIN))
  } finally {
    await sshd.stop()
    await elsewhere.stop()
  }
})

testLogin('ssh-agent holds the card: a login, and a signature of a file that ssh-keygen verifies', async () => {
  const [card] = served.cards
  assert.ok(card)
  const key = await sshKey(card, '9a')
  const sshd = await startSshd(key)
  const socket = newFile('.agent')
  const agent = await startAgent(socket)
  const known: RunOptions = { env: { ...askpass(PIN).env, SSH_AUTH_SOCK: socket } }
  try {
    await ok('ssh-add', ['-s', OPENSC], known)
    says(await ok('ssh-add', ['-L'], known), /PIV AUTH/)
    says(await login(sshd, ['-o', `IdentityAgent=${socket}`], {}), LOGGED_IN)
    const [message, publicKey] = [file('a file'), file(`${key}\n`)]
    await ok('ssh-keygen', ['-Y', 'sign', '-n', 'file', '-f', publicKey, message], known)
    const signers = file(`somebody ${key}\n`)
    const check = ['-Y', 'verify', '-n', 'file', '-I', 'somebody', '-f', signers, '-s', `${message}.sig`]
    says(await ok('ssh-keygen', check, { input: 'a file' }), /^Good "file" signature for somebody/m)
    await refused('ssh-keygen', check, { input: 'another file' })
    await ok('ssh-add', ['-e', OPENSC], known)
    says(await run('ssh-add', ['-l'], known), /no identities/)
  } finally {
    agent.kill('SIGTERM')
    await sshd.stop()
  }
})

async function startAgent(socket: string): Promise<ChildProcess> {
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  atExit(() => child.kill('SIGKILL'))
  // It prints where it listens once it does.
  await within(once(child.stdout, 'data'), 120_000, 'ssh-agent does not start')
  assert.ok(existsSync(socket))
  return child
}

test.run()
