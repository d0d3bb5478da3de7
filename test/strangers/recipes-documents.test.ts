// takes: 60 s
// docs/recipes: what is signed and kept, and what is encrypted. The commands of the pages, exactly; and what was changed is refused.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Recipes, recipes } from './support/recipes.ts'
import { file, ok, refused, says } from './support/tools.ts'

/** Offsets of objects are left out: readers find them by themselves. */
const CONTRACT = `%PDF-1.4
1 0 obj
<< /Type /Catalog /Pages 2 0 R >>
endobj
2 0 obj
<< /Type /Pages /Kids [3 0 R] /Count 1 >>
endobj
3 0 obj
<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>
endobj
trailer
<< /Root 1 0 R /Size 4 >>
%%EOF
`
let project: Recipes

test.before(async () => {
  project = await recipes({ 'contract.pdf': CONTRACT })
})

const made = (name: string) => join(project.folder, name)
/** A file that was made, with one text in place of another. */
const changed = (name: string, from: string, to: string) => {
  const content = readFileSync(made(name), 'latin1')
  assert.ok(content.includes(from), `${name} has no ${from}`)
  return file(Buffer.from(content.replace(from, to), 'latin1'))
}

test('a request and a certificate by @peculiar/x509: openssl verifies both', async () => {
  const { stdout, stderr, all } = await project.page('docs/recipes/certificate.md')
  assert.is(stderr.match(/^Certificate request self-signature verify OK$/gm)?.length, 3, all)
  assert.is(stdout.match(/^subject=CN = Maria, O = Example$/gm)?.length, 3, all)
  assert.is(stdout.match(/^(p256|p384|rsa)\.cer: OK$/gm)?.length, 3, all)
})

test('files and mail by pkijs: openssl cms verifies them', async () => {
  const { stdout, stderr, all } = await project.page('docs/recipes/cms.md')
  assert.is(stderr.match(/^CMS Verification successful$/gm)?.length, 4, all)
  assert.is(stdout.match(/Six crates of tea\.\r?$/gm)?.length, 4, all)
  const trust = ['-CAfile', made('9a.pem')]
  const beside = ['-binary', '-inform', 'DER', '-in', made('9a.p7s'), '-content']
  await refused('openssl', ['cms', '-verify', ...beside, changed('order.txt', 'Six', 'Ten'), ...trust])
  await refused('openssl', ['cms', '-verify', '-in', changed('9a.eml', 'Six', 'Ten'), ...trust])
})

test('a PDF by @signpdf and pkijs: pdfsig verifies it', async () => {
  const { stdout, all } = await project.page('docs/recipes/pdf.md')
  for (const said of ['Total document signed', 'Signature Validation: Signature is Valid.']) {
    assert.is(stdout.split(said).length - 1, 2, all)
  }
  assert.is(stdout.match(/Certificate Validation: Certificate is Trusted\.$/gm)?.length, 2, all)
  const other = await ok('pdfsig', ['-nocert', changed('9a.pdf', '[ 0 0 200 200 ]', '[ 0 0 200 300 ]')])
  assert.match(other.stdout, /Signature Validation: Digest Mismatch\./, other.all)
})

test('XML by xml-crypto: xmlsec1 verifies it', async () => {
  const { all } = await project.page('docs/recipes/xml.md')
  assert.is(all.match(/^OK$/gm)?.length, 2, all)
  await refused('xmlsec1', ['--verify', '--trusted-pem', made('9a.pem'), changed('9a.xml', 'crates="6"', 'crates="9"')])
})

test('JWE by jose and S/MIME by pkijs: what jwcrypto and openssl encrypted is decrypted', async () => {
  const { stdout, all } = await project.page('docs/recipes/decrypt.md')
  assert.match(stdout, /^Ten crates of tea\.Twelve crates of tea\.\r?$/m, all)
  const parts = readFileSync(made('order.jwe'), 'utf8').split('.')
  const other = parts.with(2, Buffer.alloc(12).toString('base64url')).join('.')
  const refusal = await project.run('node', ['--import', 'tsx', 'jwe.ts', '9d'], { input: other })
  assert.is.not(refusal.code, 0, refusal.all)
  says(refusal, /ERR_JWE_DECRYPTION_FAILED/)
})

test.run()
