// The name of a certificate in a listing, whatever is in it; and reading it leaves Node's TLS whole.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readListed } from '../../src/cards/certificates.ts'
import { writeCertificate } from '../../src/piv/certificate.ts'
import { parseSlot } from '../../src/piv/slots.ts'
import { tempDir } from '../support/temp.ts'

const key = join(tempDir('names'), 'key.pem')
execFileSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', key])

function listed(subject: string): string {
  const argv = ['req', '-x509', '-new', '-key', key, '-utf8', '-multivalue-rdn', '-subj', subject, '-outform', 'DER']
  const found = readListed(
    parseSlot('9a'),
    writeCertificate(Uint8Array.from(execFileSync('openssl', argv))),
  )?.certificate
  assert.ok(found && 'subject' in found)
  return found.subject
}

const names: ReadonlyArray<readonly [subject: string, shown: string]> = [
  ['/CN=alice', 'alice'],
  ['/O=Lab/CN=Doe, John \\"JD\\"', 'Doe, John "JD"'],
  ['/CN=Jörg Müller/OU=x', 'Jörg Müller'],
  ['/CN=김철수', '김철수'],
  ['/CN=one/CN=two', 'one, two'],
  ['/O=Lab/OU=a+CN=b\\+c', 'b+c'],
  ['/CN= a<b>;#\\\\ ', ' a<b>;#\\ '],
  ['/O=Lab/OU=nobody', 'O=Lab, OU=nobody'],
]
for (const [subject, shown] of names) test(subject, () => assert.is(listed(subject), shown))

test('TLS is whole where it is loaded after certificates were listed', () => {
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const script = `import { readFileSync } from 'node:fs'
import { readListed } from ${url('../../src/cards/certificates.ts')}
readListed('9a', readFileSync(0))
const { createSecureContext } = await import('node:tls')
process.stdout.write(typeof createSecureContext)`
  const argv = ['req', '-x509', '-new', '-key', key, '-subj', '/CN=alice', '-outform', 'DER']
  const input = writeCertificate(Uint8Array.from(execFileSync('openssl', argv)))
  const child = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script]
  assert.is(execFileSync(process.execPath, child, { input, encoding: 'utf8' }), 'function')
})

test.run()
