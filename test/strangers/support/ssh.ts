// OpenSSH with the keys of a card: public keys as it writes them, a PIN where there is no terminal, a login.
import type { KeyObject } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { userInfo } from 'node:os'
import * as assert from 'uvu/assert'
import { OPENSC } from './opensc.ts'
import { SSHD_IS_HERE, type Sshd, startSshd } from './sshd.ts'
import { file, ok, type RunOptions, type Said, says } from './tools.ts'

/** A public key as OpenSSH writes it, by way of openssl's form: `ssh-rsa AAAA...`. */
export async function publicKeyOf(key: KeyObject): Promise<string> {
  const pem = key.export({ type: 'spki', format: 'pem' })
  const { stdout } = await ok('ssh-keygen', ['-i', '-m', 'PKCS8', '-f', file(pem)])
  return stdout.trim()
}

/** A program that says the PIN whoever asks: OpenSSH's way where there is no terminal. */
export function askpass(pin: string): RunOptions {
  const path = file(`#!/bin/sh\ncat '${file(`${pin}\n`)}'\n`)
  chmodSync(path, 0o700)
  return { env: { SSH_ASKPASS: path, SSH_ASKPASS_REQUIRE: 'force' } }
}

/** A login that runs `echo` on the other side. `how`: words that say where the keys are. */
export function login(sshd: Sshd, how: readonly string[], options: RunOptions, end = ok): Promise<Said> {
  const here = ['-F', 'none', '-o', `UserKnownHostsFile=${sshd.knownHosts}`, '-o', 'StrictHostKeyChecking=yes']
  const alone = ['-o', 'IdentityFile=none', '-o', 'PreferredAuthentications=publickey', '-p', String(sshd.port)]
  const words = [...here, ...alone, ...how, '127.0.0.1', 'echo "logged in as $(id -un)"']
  return end('ssh', words, options)
}

/** `ssh-keygen -D` names the keys of all cards, and the first one logs in. `how`: words that say where the keys are. */
export async function keysAndLogin(module: string, keys: readonly KeyObject[], how: readonly string[], pin: string) {
  const { stdout } = await ok('ssh-keygen', ['-D', module])
  const names = await Promise.all(keys.map(publicKeyOf))
  for (const name of names) assert.match(stdout, name)
  if (!SSHD_IS_HERE) {
    console.log('# skipped: a login: sshd is not installed')
    return
  }
  const sshd = await startSshd(names[0] ?? '')
  try {
    says(await login(sshd, how, askpass(pin)), LOGGED_IN)
  } finally {
    await sshd.stop()
  }
}

export const WITH_CARD = ['-o', `PKCS11Provider=${OPENSC}`, '-o', 'IdentityAgent=none']
export const LOGGED_IN = new RegExp(`^logged in as ${userInfo().username}$`, 'm')
