// One card with one certificate, one service, programs that know nothing of Tessera, and Tessera itself: to the service
// all are Maria.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type NamedCard, openCard, type ReaderPlace } from '../../../src/index.ts'
import type { Algorithm } from '../../../src/piv/algorithms.ts'
import { cardAgent } from '../../../src/tls/index.ts'
import { MARIA } from '../../relying-party/support.ts'
import { homeWithCard, noChromium, PIN_WINDOW, showCertificates, startChromium } from './chromium.ts'
import { startDesktop } from './desktop.ts'
import { OPENSC, uri } from './opensc.ts'
import { PIN, WRONG_PIN } from './served.ts'
import { type SigningIn, startSigningIn } from './signing-in.ts'
import { askpass, LOGGED_IN, login, publicKeyOf } from './ssh.ts'
import { SSHD_IS_HERE, startSshd } from './sshd.ts'
import { file, ok, type RunOptions, says } from './tools.ts'

let here: SigningIn
const engine: RunOptions = { env: { PKCS11_MODULE_PATH: OPENSC } }
const pinFile = file(PIN)
const key = (): string => uri(here.card.name, '9a', 'private', pinFile)
const certificateFile = (): string => file(here.card.certificate.toString())
const host = (): string => new URL(here.sample.url).host

async function curl(...how: string[]): Promise<string> {
  const { certificateFile: ca, url } = here.sample
  const client = ['--engine', 'pkcs11', '--key-type', 'ENG', '--key', key()]
  const certificate = ['--cert-type', 'ENG', '--cert', uri(here.card.name, '9a', 'cert', pinFile)]
  const words = ['--silent', '--show-error', '--max-time', '15', '--cacert', ca, ...how, ...client, ...certificate, url]
  return (await ok('curl', words, engine)).stdout
}

async function sClient(...how: string[]): Promise<string> {
  const client = ['-engine', 'pkcs11', '-keyform', 'engine', '-key', key(), '-cert', certificateFile()]
  const server = ['-connect', host(), '-CAfile', here.sample.certificateFile, '-verify_return_error']
  const input = 'GET / HTTP/1.0\r\n\r\n'
  return (await ok('openssl', ['s_client', '-quiet', ...how, ...client, ...server], { ...engine, input })).stdout
}

/** Of five. */
async function triesLeft(): Promise<number | undefined> {
  const card = await openCard({ reader: here.card.reader })
  try {
    return (await card.pinStatus()).triesLeft
  } finally {
    await card.close()
  }
}

/** What the page says; the PIN is typed as a person does, who gets it wrong at first: it is asked for again, without a word. */
async function chromium(): Promise<string> {
  const { certificateFile: service, url } = here.sample
  const [, issuer = ''] = /^CN=(.*)$/m.exec(here.card.certificate.issuer) ?? []
  const home = await homeWithCard(service)
  const release = await showCertificates(url, issuer)
  const desktop = await startDesktop()
  try {
    const browser = await startChromium(home, desktop.env)
    const page = browser.open(url)
    page.catch(() => undefined)
    const first = await desktop.window(PIN_WINDOW)
    await desktop.type(first, WRONG_PIN)
    const second = await desktop.window(PIN_WINDOW, first)
    assert.is(await triesLeft(), 4)
    await desktop.type(second, PIN)
    const said = await page
    // How docs/signed-in.png is made; it takes ImageMagick.
    const picture = process.env.TESSERA_SCREENSHOT
    if (picture !== undefined) await ok('import', ['-window', 'root', picture], { env: desktop.env })
    await browser.stop()
    return said
  } finally {
    // A browser that is left ends with its display.
    await desktop.stop()
    release()
  }
}

/** Tessera's own way, with the card in the reader or the one in the TPM. */
async function agent(place: NamedCard | ReaderPlace, version: 'TLSv1.2' | 'TLSv1.3'): Promise<string> {
  const { pem, url } = here.sample
  const card = await openCard(place)
  try {
    const own = await cardAgent(card, '9a', { onPin: PIN, ca: pem, minVersion: version, maxVersion: version })
    try {
      return await (await own.fetch(url)).text()
    } finally {
      own.destroy()
    }
  } finally {
    await card.close()
  }
}

/** The TPM is one process's at a time: so the card is in no reader from here on. */
async function agentInTpm(version: 'TLSv1.2' | 'TLSv1.3'): Promise<string> {
  await here.unserve()
  return agent({ name: here.card.name, ...here.place }, version)
}

/** Each answers what the service's page says. */
const CLIENTS: ReadonlyArray<readonly [name: string, version: string, client: () => Promise<string>]> = [
  ['curl', '1.2', () => curl('--tls-max', '1.2')],
  ['curl', '1.3', () => curl('--tlsv1.3')],
  ['openssl s_client', '1.2', () => sClient('-tls1_2')],
  ['openssl s_client', '1.3', () => sClient('-tls1_3')],
  ['Chromium', '1.3', chromium],
  ['cardAgent with the card in the reader', '1.2', () => agent({ reader: here.card.reader }, 'TLSv1.2')],
  ['cardAgent with the card in the reader', '1.3', () => agent({ reader: here.card.reader }, 'TLSv1.3')],
  ['cardAgent with the card in the TPM', '1.2', () => agentInTpm('TLSv1.2')],
  ['cardAgent with the card in the TPM', '1.3', () => agentInTpm('TLSv1.3')],
]

/** A test that is left out, and named, where this machine has not what it takes. */
function testWhere(why: string | undefined, name: string, work: () => Promise<void>): void {
  test(name, async () => {
    if (why === undefined) await work()
    else console.log(`# skipped: ${name}: ${why}`)
  })
}

/** The tests, with a key of this kind on the card. */
export function signedInTests(algorithm: Algorithm): void {
  test.before(async () => {
    here = await startSigningIn(algorithm)
  })
  test.after(() => here?.stop())

  const noSshd = SSHD_IS_HERE ? undefined : 'sshd is not installed'
  testWhere(noSshd, 'ssh logs in with the key of the same certificate', async () => {
    const sshd = await startSshd(await publicKeyOf(here.card.certificate.publicKey))
    try {
      says(await login(sshd, ['-I', OPENSC, '-o', 'IdentityAgent=none'], askpass(PIN)), LOGGED_IN)
    } finally {
      await sshd.stop()
    }
  })

  for (const [name, version, client] of CLIENTS) {
    testWhere(client === chromium ? noChromium() : undefined, `${name} is signed in, TLS ${version}`, async () => {
      const before = here.sample.lines.length
      const said = await client()
      const { name: who, address } = MARIA
      assert.match(said, `Signed in as ${who} (${address}) by certificate, TLS ${version}.`)
      // A browser also asks for an icon, when it likes.
      const heard = here.sample.lines.slice(before)
      assert.ok(heard.includes(`127.0.0.1 GET / 200 ${MARIA.user} by certificate`), heard.join('\n'))
    })
  }

  test('once the CA has revoked the certificate, cardAgent is not let in by it any more', async () => {
    await here.sample.revoke()
    assert.match(await agentInTpm('TLSv1.3'), 'The certificate was revoked.')
  })
}
