// time limit: 900 s
// takes: 20 s
// Damaged account files: refused in the store's words, or read what is then written the same. Also those whose checksum is
// right, as somebody who writes them on purpose would make it.
import { createHash } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, equal, utf8 } from '../../src/bytes.ts'
import { FileError } from '../../src/errors.ts'
import { seal } from '../../src/files/sealed-text.ts'
import { type Account, readAccount } from '../../src/signin/account.ts'
import { FUZZ_SECONDS, fuzz } from './harness.ts'

const KIND = { magic: 'tessera-account', version: 1, noun: 'account file', advice: '' }
const account: Account = {
  address: 'maria@lab.example',
  service: 'https://service.example',
  method: 'challenge',
  card: { kind: 'reader', id: 'f'.repeat(32), name: 'reader:Example 00 00' },
  slot: '9c',
  fingerprint: new Uint8Array(32).fill(1),
  ca: [new Uint8Array(200).fill(0x30)],
  lastSignIn: '2026-05-01T12:00:00.000Z',
  ended: { at: '2026-05-01T13:00:00.000Z', reason: 'expired' },
}
const { ca: _, ended: __, ...small } = account
const files = [account, small].map((one) => seal(KIND, one))
const bodies = files.map((file) => file.slice(file.indexOf(0x0a) + 1))

const takes = (file: Uint8Array): void => {
  const read = readAccount(file, 'x')
  assert.ok(equal(seal(KIND, read), file))
}

test('the files as they are', () => {
  for (const file of files) takes(file)
})

test('account files', async () => {
  await fuzz('account files', files, FUZZ_SECONDS, takes, { refusals: [FileError] })
})

test('account files with the right checksum', async () => {
  const sealed = (text: Uint8Array) =>
    concat(utf8(`tessera-account 1 sha256:${createHash('sha256').update(text).digest('hex')}\n`), text)
  await fuzz('accounts', bodies, FUZZ_SECONDS, (text) => takes(sealed(text)), { refusals: [FileError] })
})

test.run()
