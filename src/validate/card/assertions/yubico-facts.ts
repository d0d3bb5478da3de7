// What cards with Yubico's instructions say of themselves, held against what they do; and that their instructions want what they
// are said to want.
import { createECDH, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { concat, equal, hex, leftPad } from '../../../bytes.ts'
import { find, tlv } from '../../../iso7816/tlv.ts'
import { YUBICO_SOURCE } from '../sources.ts'
import {
  type Assertion,
  type Class,
  getData,
  look,
  must,
  type NamedAssertion,
  named,
  STATUS,
  type Step,
  step,
  type Tolerated,
  verified,
} from './assertion.ts'
import { type Answer, type Edge, octets, two } from './edge.ts'
import { wantsRoom } from './keys.ts'
import { readTlvs, unwrap } from './read.ts'
import { algorithmOf, assertSigned, authenticate, pointOf, signWith } from './use.ts'
import { wantsAdmin, wantsYubico } from './yubico.ts'

const NOTHING = new Uint8Array(0)
const metadata = (reference: number): string => `00 F7 00 ${two(reference)}`

async function factOf(edge: Edge, reference: number, tag: number): Promise<Uint8Array> {
  const { data, sw } = await edge.send(metadata(reference))
  must(sw === 0x9000, `GET METADATA ${two(reference)} answers ${sw.toString(16)}`)
  const value = find(readTlvs(data), tag)
  must(value, `${two(tag)} is missing for ${two(reference)}`)
  return value
}

type Unless = NonNullable<Assertion['unless']>
const both =
  (other: Unless): Unless =>
  async (edge) =>
    (await wantsYubico(edge)) ?? (await other(edge))

const wantsMetadata: Unless = both(async (edge) =>
  (await edge.send(metadata(0x80))).sw === 0x6d00 ? 'the card has no GET METADATA' : undefined,
)

const row = (id: string, title: string, steps: readonly Step[], kind: Class = 'N', unless: Unless = wantsMetadata) =>
  named(`yubico.${id}`, YUBICO_SOURCE, kind, title, steps, unless)

const facts = (id: string, title: string, work: (edge: Edge) => Tolerated | Promise<Tolerated>): NamedAssertion =>
  row(id, title, [look(work)])

/** As in 7F49. */
function sameKey(said: Uint8Array, key: KeyObject): boolean {
  const fields = readTlvs(said)
  const { ec } = algorithmOf(key)
  if (ec) return equal(find(fields, 0x86) ?? NOTHING, pointOf(key))
  const modulus = Uint8Array.from(Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url'))
  return equal(find(fields, 0x81) ?? NOTHING, modulus)
}

async function eachKey(edge: Edge, work: (slot: number, key: KeyObject) => Promise<void>): Promise<void> {
  for (const [slot, { publicKey }] of await edge.certificates()) await work(slot, publicKey)
}

/** Any use of a key, without asking whether it comes to something. */
async function use(edge: Edge, slot: number, key: KeyObject): Promise<number> {
  const { id, size, ec } = algorithmOf(key)
  const input = ec ? new Uint8Array(size).fill(1) : concat(Uint8Array.of(0, 1), new Uint8Array(size - 2).fill(0xff))
  return (await authenticate(edge, id, slot, 0x81, input)).sw
}

const NEVER = 0x01

/** Class W: a card may make its attestation key for it. */
async function attests(edge: Edge): Promise<void> {
  const { data, sw } = await edge.send('00 F9 9A 00')
  must(sw === 0x9000, `ATTEST answers ${sw.toString(16)}`)
  const said = new X509Certificate(data)
  const key = await edge.key(0x9a)
  must(key && said.publicKey.equals(key), 'it attests another key than that of the certificate')
  const inside = readTlvs(unwrap((await edge.send(getData('5FFF01'))).data, 0x53))
  const issuer = new X509Certificate(find(inside, 0x70) ?? NOTHING)
  must(said.verify(issuer.publicKey), 'its signature is not that of the attestation key')
}

// --- Keys that are imported into 94 -----------------------------------------------------------------------------

const pair = (curve: string, crv: string) => {
  const made = createECDH(curve)
  const point = made.generateKeys()
  const size = (point.length - 1) / 2
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)].map((half) => half.toString('base64url'))
  const publicKey = createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' } as never)
  return { publicKey, scalar: () => leftPad(Uint8Array.from(made.getPrivateKey()), size) }
}

/** Imported as they are asked for: not each program that lists the checks makes keys. */
let made: Readonly<Record<'P-256' | 'P-384', ReturnType<typeof pair>>> | undefined
const pairs = () => {
  made ??= { 'P-256': pair('prime256v1', 'P-256'), 'P-384': pair('secp384r1', 'P-384') }
  return made
}

const imported = (curve: 'P-256' | 'P-384', policy: string): Step =>
  step(async (edge) => {
    await edge.authenticateAdmin()
    const id = curve === 'P-256' ? '11' : '14'
    return edge.chain(`00 FE ${id} 94`, concat(tlv(0x06, pairs()[curve].scalar()), octets(`AA01${policy}`)), '')
  }, '9000')

const used = (curve: 'P-256' | 'P-384', sw: string): Step =>
  step(
    (edge) => signWith(edge, 0x94, pairs()[curve].publicKey),
    sw,
    (answer: Answer) => {
      if (answer.sw === 0x9000) assertSigned(pairs()[curve].publicKey, answer)
    },
  )

const importing = (id: string, title: string, ...steps: readonly Step[]): NamedAssertion =>
  row(id, title, steps, 'W', wantsAdmin)

export const YUBICO_FACT_ASSERTIONS: readonly NamedAssertion[] = [
  row(
    'serial',
    'GET SERIAL: four octets, not all of them zero',
    [
      step('00 F8 00 00', '9000', ({ data }) =>
        must(data.length === 4 && data.some((octet) => octet !== 0), hex(data)),
      ),
    ],
    'N',
    wantsYubico,
  ),
  facts('metadata.pin', 'GET METADATA of the PIN says what VERIFY says of its tries', async (edge) => {
    const [total = 0, left = 0] = await factOf(edge, 0x80, 0x06)
    const { sw } = await edge.send(STATUS)
    must(left <= total, `${left} tries of ${total}`)
    must((sw === 0x6983 && left === 0) || (sw & 0x0f) === Math.min(left, 15), `${left}, and VERIFY ${sw.toString(16)}`)
  }),
  facts('metadata.puk', 'GET METADATA of the PUK: no more tries are left than there are', async (edge) => {
    const [total = 0, left = 0] = await factOf(edge, 0x81, 0x06)
    must(left <= total, `${left} tries of ${total}`)
  }),
  facts('metadata.keys', 'GET METADATA of each slot names the key of its certificate', (edge) =>
    eachKey(edge, async (slot, key) => {
      const [algorithm] = await factOf(edge, slot, 0x01)
      must(algorithm === algorithmOf(key).id, `${two(slot)}: algorithm ${two(algorithm ?? 0)}`)
      must(sameKey(await factOf(edge, slot, 0x04), key), `${two(slot)}: another key`)
    }),
  ),
  facts('metadata.policy', 'a key works without PIN if GET METADATA says so, and only then', (edge) =>
    eachKey(edge, async (slot, key) => {
      const [policy] = await factOf(edge, slot, 0x02)
      const sw = await use(edge, slot, key)
      must((sw === 0x9000) === (policy === NEVER), `${two(slot)}: policy ${policy}, and it answers ${sw.toString(16)}`)
    }),
  ),
  facts('metadata.admin', 'GET METADATA of 9B names the algorithm that 9B takes', async (edge) => {
    const [algorithm] = await factOf(edge, 0x9b, 0x01)
    const taken = (await edge.adminAlgorithm())?.id
    must(algorithm === taken, `it says ${two(algorithm ?? 0)}, and takes ${two(taken ?? 0)}`)
  }),
  facts('metadata.defaults', 'PIN, PUK and admin key are not those of the factory', async (edge) => {
    const names = { 128: 'PIN', 129: 'PUK', 155: 'admin key' }
    const first: string[] = []
    for (const [reference, name] of Object.entries(names)) {
      if ((await factOf(edge, Number(reference), 0x05))[0] === 1) first.push(name)
    }
    return first.length === 0 ? undefined : `still as everybody knows them: ${first.join(', ')}`
  }),
  row('metadata.references', 'GET METADATA of references of nobody', [
    step('00 F7 00 00', '6A88 ~ !9000'),
    step('00 F7 00 7F', '6A88 ~ !9000'),
  ]),
  row(
    'attest',
    'ATTEST of 9A: about the key of its certificate, and signed by the attestation key',
    [look(attests)],
    'W',
    both(async (edge) => {
      if ((await edge.key(0x9a)) === undefined) return 'there is no certificate in slot 9a'
      const attested = (await edge.send('00 F9 9A 00')).sw === 0x9000
      return attested ? undefined : 'the key is not attested: it was imported, or there is no attestation key'
    }),
  ),
  row(
    'import-refused',
    'an import without the admin key',
    [
      step(
        (edge) => edge.chain('00 FE 11 95', concat(tlv(0x06, new Uint8Array(32).fill(1)), octets('AA0101')), ''),
        '6982',
      ),
    ],
    'N',
    both(wantsRoom),
  ),
  row(
    'delete-refused',
    'a key is not deleted without the admin key',
    [step('00 F6 FF 95', '6982 ~ 6D00 6A88')],
    'N',
    both(wantsRoom),
  ),
  row(
    'admin-refused',
    'the admin key is not changed without the admin key',
    [
      step(`00 FF FF FF 1B 0A 9B 18 ${'5C'.repeat(24)}`, '6982'),
      step(async (edge) => {
        await edge.authenticateAdmin()
        return { data: NOTHING, sw: 0x9000 }
      }, '9000'),
    ],
    'W',
    wantsAdmin,
  ),
  importing('import.384', 'an imported key of P-384 signs', imported('P-384', '01'), used('P-384', '9000')),
  importing(
    'import.never',
    'a key of the policy never signs without PIN',
    imported('P-256', '01'),
    used('P-256', '9000'),
  ),
  importing(
    'import.once',
    'a key of the policy once wants the PIN once',
    imported('P-256', '02'),
    used('P-256', '6982'),
    verified,
    used('P-256', '9000'),
    used('P-256', '9000'),
  ),
  importing(
    'import.always',
    'a key of the policy always wants the PIN each time',
    imported('P-256', '03'),
    used('P-256', '6982'),
    verified,
    used('P-256', '9000'),
    used('P-256', '6982'),
  ),
  importing(
    'delete',
    'a deleted key is gone',
    imported('P-256', '01'),
    used('P-256', '9000'),
    step('00 F6 FF 94', '9000 ~ 6D00', async (answer, edge) => {
      if (answer.sw === 0x9000) must((await edge.send('00 F7 00 94')).sw !== 0x9000, 'it is still there')
    }),
  ),
]
