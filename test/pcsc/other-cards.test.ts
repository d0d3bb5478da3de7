// takes: 25 s
// The command line on cards of other makers in a reader of a real PC/SC (test/support/plain-card): keys without
// certificates, refused objects, letters in a PIN, and nothing overwritten unasked.
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { secretFile, tessera } from '../cli/cli.ts'
import { Checker, type SchemaFile } from '../cli/schema.ts'
import { PASSWORDS, startLab } from '../lab-ca/support.ts'
import { root } from '../runner/jobs.ts'
import { octets } from '../support/octets.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { PlainCard } from '../support/plain-card/card.ts'
import type { ProfileName } from '../support/plain-card/profiles.ts'
import { tempDir } from '../support/temp.ts'
import { insertCard } from '../support/vpcd.ts'
import { ADMIN_KEY, seen } from './cards.ts'

const home = tempDir('home')
process.env.TESSERA_HOME = home
process.env.TESSERA_TCTI = 'embedded:'
const at = (name: string) => join(home, name)
const checker = new Checker(JSON.parse(readFileSync(join(root, 'docs/cli.schema.json'), 'utf8')) as SchemaFile)
const ADMIN = ['--admin-key-file', secretFile(at('admin'), hex(ADMIN_KEY))]
const PIN = 'geheim!7'
const PINS = ['--pin-file', secretFile(at('pins'), PIN)]
let pcscd: Pcscd

/** Runs a command on the card in the reader; checks what it answers against its schema. */
async function on(code: number, line: string, ...more: string[]) {
  const argv = line.split(' ')
  const result = await tessera([...argv, ...more, '--card', 'reader:virtual', '--json'])
  assert.is(result.code, code, `${line}: ${result.stderr}${result.stdout}`)
  const value = JSON.parse(result.stdout === '' ? result.stderr : result.stdout)
  const words =
    result.stdout === '' ? '#error' : argv.slice(0, /^(sign|info|enroll|list)$/.test(argv[0] ?? '') ? 1 : 2).join(' ')
  assert.equal(checker.faults(words, value), [], line)
  return value
}

async function withCard(card: PlainCard, work: () => Promise<void>): Promise<void> {
  const inserted = await insertCard(pcscd.ports[0], card)
  await seen(pcscd.readers[0], true)
  await work().finally(async () => {
    await inserted.pull()
    await seen(pcscd.readers[0], false)
  })
}

test.before(async () => {
  pcscd = await startPcscd()
  writeFileSync(at('letter'), 'a letter')
})
test.after(() => pcscd?.stop())

for (const name of ['other', 'PivApplet', 'OpenFIPS201', 'SP 800-73-1', 'empty answers'] satisfies ProfileName[]) {
  test(`${name}: a key without a certificate is used by its public key, and is not overwritten unasked`, async () => {
    const card = new PlainCard(name, { pin: name === 'PivApplet' ? '483920' : PIN })
    const pins = name === 'PivApplet' ? ['--pin-file', secretFile(at('digits'), '483920')] : PINS
    await withCard(card, async () => {
      const { publicKey } = await on(0, 'key generate 9a', ...ADMIN)
      writeFileSync(at('public.pem'), publicKey)
      assert.equal(await on(0, 'key list'), [])
      assert.match((await tessera(['key', 'list', '--card', 'reader:virtual'])).stdout, 'cannot report a key')
      // It was kept where it was made.
      await on(0, `sign 9a ${at('letter')} -o ${at('signature')}`, ...pins)
      await on(0, 'cert request 9a --subject CN=Rosa', ...pins)
      process.env.TESSERA_HOME = tempDir('another-home')
      try {
        const { error } = await on(8, 'cert request 9a --subject CN=Rosa', ...pins)
        assert.match(error.message, 'cannot tell of a key without one')
        await on(0, `cert request 9a --subject CN=Rosa --public-key ${at('public.pem')}`, ...pins)
        assert.match((await on(2, 'key generate 9a', ...ADMIN)).error.message, 'may have a key')
      } finally {
        process.env.TESSERA_HOME = home
      }
      assert.is(card.sent.filter((apdu) => apdu.startsWith('0047')).length, 1)
      await on(0, 'cert self-sign 9a --subject CN=Rosa', ...ADMIN, ...pins)
      assert.equal(
        (await on(0, 'key list')).map(({ slot }: { slot: string }) => slot),
        ['9a'],
      )
      await on(2, 'key generate 9a', ...ADMIN)
      await on(2, 'cert self-sign 9a --subject CN=Rosa', ...ADMIN, ...pins)
      await on(0, `sign 9a ${at('letter')} -o ${at('signature')}`, ...pins)
      assert.is((await on(0, 'cert list')).length, 1)
      await on(0, 'object list')
      await on(0, 'pin status')
      await on(0, 'pin verify', ...pins)
      assert.is((await on(0, 'info')).keys.length, 1)
      await on(0, 'cert delete 9a --yes', ...ADMIN)
      await on(0, 'enroll 9a --abandon --yes', ...ADMIN)
      await on(0, 'key generate 9a --yes', ...ADMIN)
    })
  })
}

for (const name of ['other', 'SP 800-73-1'] satisfies ProfileName[]) {
  test(`${name}: a certificate is enrolled and renewed, and an enrolment that waits is given up`, async () => {
    const lab = await startLab()
    const slow = await startLab({ pending: true })
    const login = ['--user', 'alice', '--password-file', secretFile(at('password'), PASSWORDS.alice)]
    const from = ({ url, certificateFile }: typeof lab) => ['--est', url, '--ca-file', certificateFile, ...login]
    const enroll = (code: number, line: string, ...more: string[]) => on(code, line, ...ADMIN, ...PINS, ...more)
    // A public key stored for the card that was in this reader before must not count as a key of this card.
    const work = async () => {
      await enroll(0, 'enroll 9a --template smartcard-user', ...from(lab))
      assert.equal(
        (await on(0, 'key list')).map(({ slot, algorithm }: Record<string, string>) => `${slot} ${algorithm}`),
        ['9a P-256'],
      )
      await on(0, `sign 9a ${at('letter')} -o ${at('signature')}`, ...PINS)
      await enroll(0, 'enroll 9a --renew', ...login)
      await enroll(11, 'enroll 9d --template smartcard-user', ...from(slow))
      await on(0, 'enroll 9d --abandon --yes', ...ADMIN)
      await enroll(0, 'enroll 9d --template smartcard-user --yes', ...from(lab))
      assert.is((await on(0, 'cert list')).length, 2)
      await on(0, 'cert delete 9a --yes', ...ADMIN)
      await on(0, 'cert delete 9d --yes', ...ADMIN)
      assert.equal(await on(0, 'cert list'), [])
      // A key that was made elsewhere, and of which the card does not tell: it is named, and enrolled.
      const { publicKey } = await on(0, 'key generate 9c --yes', ...ADMIN)
      writeFileSync(at('9c.pem'), publicKey)
      process.env.TESSERA_HOME = tempDir('elsewhere')
      try {
        const { error } = await enroll(2, 'enroll 9c --template smartcard-user', ...from(lab))
        assert.match(error.message, 'Name its public key (--public-key FILE)')
        const named = ['--public-key', at('9c.pem')]
        await enroll(0, 'enroll 9c --template smartcard-user', ...named, ...from(lab))
        await tessera(['cert', 'export', '9c', '--card', 'reader:virtual', '-o', at('certificate.pem')])
        const { publicKey: certified } = new X509Certificate(readFileSync(at('certificate.pem')))
        assert.ok(createPublicKey(publicKey).equals(certified))
        // Such a card cannot move keys: what the refusal advises works.
        const refused = await enroll(8, 'enroll 9c --renew --key new', ...login)
        const told = refused.error.message
        if (told.includes('No retired slot')) return
        for (const line of ['cert delete 9c', 'key generate 9c --yes']) assert.match(told, `tessera ${line}`)
        await on(0, 'cert delete 9c --yes', ...ADMIN)
        await on(0, 'key generate 9c --yes', ...ADMIN)
        await enroll(0, 'enroll 9c --template smartcard-user', ...from(lab))
      } finally {
        process.env.TESSERA_HOME = home
      }
    }
    await withCard(new PlainCard(name, { pin: PIN }), work).finally(() => Promise.all([lab.close(), slow.close()]))
  })
}

test('what cannot be used is named by key list, info and list, and a new key there asks', async () => {
  const card = new PlainCard('OpenFIPS201')
  card.objects.set('5fc105', octets('99 02 01 02'))
  await withCard(card, async () => {
    const [told] = await on(0, 'key list')
    assert.equal([told.slot, told.algorithm, told.error.code], ['9a', null, 'ERR_DATA'])
    assert.is((await on(0, 'info')).unusable.length, 1)
    assert.is((await on(0, 'cert list'))[0].error.code, 'ERR_DATA')
    assert.match((await tessera(['key', 'list', '--card', 'reader:virtual'])).stdout, 'not understood')
    await on(2, 'key generate 9a', ...ADMIN)
    await on(0, 'cert delete 9a --yes', ...ADMIN)
    await on(0, 'key generate 9a', ...ADMIN)
  })
})

test.run()
