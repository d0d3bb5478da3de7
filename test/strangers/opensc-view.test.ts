// takes: 15 s
// What OpenSC shows of a card: two cards side by side, each with its own labels, ids, certificates and serial number.
import { X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { NEUTRAL_ATR } from '../../src/piv/atr.ts'
import { OBJECTS } from '../../src/piv/objects.ts'
import { knowing, labels, NAMES, OPENSC, secret, type UsedSlot } from './support/opensc.ts'
import { PIN, PLANS, type Served, type ServedCard, startServed } from './support/served.ts'
import { ok, says } from './support/tools.ts'

let served: Served
test.before(async () => {
  served = await startServed(['curve', 'prime'])
})
test.after(() => served?.stop())

const SLOTS = Object.keys(NAMES) as UsedSlot[]
const sorted = (words: readonly string[]): string[] => [...words].sort()

async function each(work: (card: ServedCard, at: number) => Promise<void>): Promise<void> {
  for (const [at, card] of served.cards.entries()) await work(card, at)
}
const onCard = ({ reader }: ServedCard): string[] => ['--module', OPENSC, '--slot-description', reader]

/** The GUID of the CHUID, in hex digits: the serial number of a card that is no federal agency's. */
async function guidOf(card: ServedCard): Promise<string> {
  const chuid = await card.look((one) => one.getObject('chuid'))
  assert.ok(chuid)
  return hex(chuid).slice(2 * 29, 2 * 45)
}

test('readers, ATR, the name of the card', async () => {
  const { stdout } = await ok('opensc-tool', ['--list-readers'])
  assert.equal(
    stdout.match(/Virtual PCD .*/g),
    served.cards.map(({ reader }) => reader),
  )
  await each(async (_, at) => {
    const { stdout, all } = await ok('opensc-tool', ['--reader', String(at), '--atr', '--name'])
    assert.equal(
      stdout.trim().split('\n'),
      [(hex(NEUTRAL_ATR).match(/../g) ?? []).join(':'), 'Personal Identity Verification Card'],
      all,
    )
  })
})

test('slots and tokens', async () => {
  const { stdout, all } = await ok('pkcs11-tool', ['--module', OPENSC, '--list-slots'])
  const tokens = stdout.split(/^Slot /m).slice(1)
  assert.is(tokens.length, 2, all)
  await each(async (card, at) => {
    const token = tokens[at] ?? ''
    assert.match(token, `: ${card.reader}\n`)
    assert.match(token, new RegExp(`token label +: ${card.name} 9a\n`))
    assert.match(token, /token flags +: login required, rng, token initialized, PIN initialized\n/)
    assert.match(token, new RegExp(`serial num +: ${(await guidOf(card)).slice(16)}\n`))
    assert.match(token, /pin min\/max +: 4\/8\n/)
  })
})

test('keys, certificates and objects, with ids and labels', () =>
  each(async (card) => {
    const list = async (type: string) => {
      const how = [...onCard(card), '--login', '--pin', secret('PIN'), '--list-objects', '--type', type]
      return (await ok('pkcs11-tool', how, knowing({ PIN }))).stdout
    }
    const ids = (text: string): string[] => [...text.matchAll(/^ +ID: +(..)$/gm)].map(([, id = '']) => id)
    for (const [type, kind] of [
      ['cert', 'certificate'],
      ['pubkey', 'publicKey'],
      ['privkey', 'key'],
    ] as const) {
      const text = await list(type)
      assert.equal(sorted(labels(text)), sorted(SLOTS.map((slot) => NAMES[slot][kind])), text)
      assert.equal(sorted(ids(text)), sorted(SLOTS.map((slot) => NAMES[slot].id)))
    }
    const always = (await list('privkey')).split(/^Private Key/m).filter((text) => text.includes('always authenticate'))
    assert.is(always.length, 1)
    assert.match(always[0] ?? '', NAMES['9c'].key)
    // By their OID they are those that NIST names.
    const objects = await list('data')
    const oids = [...objects.matchAll(/app_id: +2\.16\.840\.1\.101\.3\.7\.(.*)$/gm)].map(([, oid]) => oid)
    for (const name of ['ccc', 'chuid', 'discovery', 'key-history', ...SLOTS.map((slot) => `certificate-${slot}`)]) {
      assert.ok(oids.includes(OBJECTS.find((object) => object.name === name)?.oid), `${name}: ${objects}`)
    }
  }))

test('each certificate is the right one', () =>
  each(async (card, at) => {
    for (const slot of SLOTS) {
      const which = ['--read-object', '--type', 'cert', '--id', NAMES[slot].id]
      const { octets } = await ok('pkcs11-tool', [...onCard(card), ...which])
      assert.is(new X509Certificate(octets).fingerprint256, card.certificate(slot).fingerprint256)
      const { stdout } = await ok('pkcs15-tool', ['--reader', String(at), '--read-certificate', NAMES[slot].id])
      assert.is(new X509Certificate(stdout).fingerprint256, card.certificate(slot).fingerprint256)
    }
  }))

test('PKCS#15: keys and their sizes, PIN and PUK, usage as in the certificates', () =>
  each(async (card, at) => {
    const { stdout, all } = await ok('pkcs15-tool', ['--reader', String(at), '--dump'])
    assert.match(stdout, `PKCS#15 Card [${card.name} 9a]:`)
    assert.match(stdout, `Serial number  : ${await guidOf(card)}`)
    assert.match(stdout, /^PIN \[PIN\]$/m)
    assert.match(stdout, /^PIN \[PIV PUK\]$/m)
    for (const slot of SLOTS) {
      const algorithm = PLANS[card.name as keyof typeof PLANS][slot]
      const [kind, size] = algorithm.split('-')
      const row = stdout
        .split(`Private ${kind === 'RSA' ? 'RSA' : 'EC'} Key [${NAMES[slot].key}]\n`)[1]
        ?.split('\n\n')[0]
      assert.ok(row, `${slot}\n${all}`)
      assert.match(row, new RegExp(`(Mod|Field)Length +: ${size}\n`))
      assert.match(row, new RegExp(`Key ref +: ${Number.parseInt(slot, 16)} `))
      assert.is(/Auth ID +: 01\n/.test(row), slot !== '9e', row)
      const usage = { '9a': /\bsign\b/, '9c': /nonRepudiation/, '9e': /\bsign\b/ }[slot as string]
      assert.match(row, usage ?? (kind === 'RSA' ? /decrypt/ : /derive/))
      assert.is(/\bsign\b/.test(row), usage !== undefined, row)
    }
    const { stdout: certificates } = await ok('pkcs15-tool', ['--reader', String(at), '--list-certificates'])
    for (const slot of SLOTS) assert.match(certificates, `[${NAMES[slot].certificate}]`)
  }))

test('piv-tool: name, serial number, commands by hand', () =>
  each(async (card, at) => {
    const tool = (...words: string[]) => ok('piv-tool', ['--reader', String(at), ...words])
    says(await tool('--name'), /^Personal Identity Verification Card$/m)
    const serial = (await tool('--serial')).stdout.match(/[0-9A-F]{2}(?= )/g) ?? []
    assert.is(serial.slice(0, 16).join('').toLowerCase(), await guidOf(card))
    // Forget the PIN, which OpenSC leaves verified, then ask for the tries.
    says(await tool('-s', '00:20:FF:80', '-s', '00:20:00:80'), /SW1=0x63, SW2=0xC5/)
    says(await tool('-s', '00:CB:3F:FF:03:5C:01:7E:00'), /SW1=0x90, SW2=0x00\):\s+7E 12 4F 0B A0 00 00 03 08/)
    says(await tool('-s', '00:CB:3F:FF:05:5C:03:5F:C1:09:00'), /SW1=0x69, SW2=0x82/)
  }))

test.run()
