// Certificates beside what stands in assertion 14: their form, what they say of their keys, and what FIPS 201 wants of
// them. Cards in the field are not all issued under FIPS 201: what it alone wants deviates, and does not fail.
import type { X509Certificate } from 'node:crypto'
import { hex } from '../../../bytes.ts'
import { isError } from '../../../errors.ts'
import { ifWellFormed } from '../../../iso7816/tlv.ts'
import { OBJECTS } from '../../../piv/objects.ts'
import { BROKEN_HASHES, signatureFacts } from '../../../x509/algorithms.ts'
import { readAlternativeNames } from '../../../x509/alternative-names.ts'
import { type Certificate, extensionIn, readCertificate } from '../../../x509/certificate.ts'
import { type KeyUsage, readUsages } from '../../../x509/usages.ts'
import { type Assertion, look, must, type NamedAssertion, named, type Tolerated } from './assertion.ts'
import { dayOf } from './contents.ts'
import type { Edge } from './edge.ts'
import {
  type CertificateObject,
  certificateObjects,
  contentOf,
  derIn,
  fieldOf,
  wantsCertificate,
  wantsObject,
} from './object.ts'
import { unwrap } from './read.ts'

const CHUID = '5FC102'
const FIPS = 'FIPS 201-3'
const nameOf = (slot: number): string => slot.toString(16).toUpperCase()

type Look = (object: CertificateObject, edge: Edge) => string | undefined | Promise<string | undefined>

/** What is to be said of certificates, each with its slot. */
async function ofEach(edge: Edge, work: Look, slots?: readonly number[]): Promise<string | undefined> {
  const said: string[] = []
  for (const object of await certificateObjects(edge)) {
    if (slots !== undefined && !slots.includes(object.slot)) continue
    const says = await work(object, edge)
    if (says !== undefined) said.push(`${nameOf(object.slot)}: ${says}`)
  }
  return said.length === 0 ? undefined : said.join('; ')
}

const failing = (works: Look) => async (edge: Edge) => {
  const says = await ofEach(edge, works)
  must(says === undefined, says ?? '')
}

/** Undefined for what is no certificate, of which assertion 14 speaks. */
function read(object: CertificateObject): Certificate | undefined {
  try {
    const der = derIn(object)
    return ifWellFormed(() => readCertificate(der))
  } catch {
    return undefined
  }
}

const deviating =
  (work: (certificate: Certificate, slot: number, edge: Edge) => ReturnType<Look>, slots?: readonly number[]) =>
  (edge: Edge) =>
    ofEach(
      edge,
      (object) => {
        const certificate = read(object)
        return certificate && work(certificate, object.slot, edge)
      },
      slots,
    )

const row = (
  id: string,
  source: string,
  title: string,
  work: (edge: Edge) => Tolerated | Promise<Tolerated>,
  unless: Assertion['unless'] = wantsCertificate,
): NamedAssertion => named(id, source, 'N', title, [look(work)], unless)

const wantsChuid: NonNullable<Assertion['unless']> = async (edge) =>
  (await wantsObject(CHUID)(edge)) ?? wantsCertificate(edge)

/** GZIP, RFC 1952, 2.3.1. */
const isCompressed = (octets: Uint8Array): boolean => octets[0] === 0x1f && octets[1] === 0x8b

function flagged({ fields }: CertificateObject): string | undefined {
  const [octets, flags] = [0x70, 0x71].map((tag) => fields.find((one) => one.tag === tag)?.value ?? new Uint8Array(0))
  const says = ((flags?.[0] ?? 0) & 0x01) === 1
  const is = isCompressed(octets ?? new Uint8Array(0))
  if (says === is) return undefined
  return says ? '71 says that it is compressed, and it is not' : 'it is compressed, and 71 does not say so'
}

function wholeDer(object: CertificateObject): string | undefined {
  try {
    unwrap(derIn(object), 0x30)
    return undefined
  } catch (error) {
    return isError(error) ? error.message : String(error)
  }
}

const certificatesOf = async (edge: Edge): Promise<[number, X509Certificate][]> => [...(await edge.certificates())]

async function exponents(edge: Edge): Promise<void> {
  for (const [slot, { publicKey }] of await certificatesOf(edge)) {
    const { publicExponent } = publicKey.asymmetricKeyDetails ?? {}
    if (publicExponent === undefined) continue
    must(publicExponent >= 65_537n && publicExponent % 2n === 1n, `${nameOf(slot)}: the exponent is ${publicExponent}`)
  }
}

async function doubles(edge: Edge): Promise<string | undefined> {
  const seen = new Map<string, number>()
  for (const [slot, { publicKey }] of await certificatesOf(edge)) {
    const spki = hex(Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })))
    const other = seen.get(spki)
    if (other !== undefined) return `${nameOf(other)} and ${nameOf(slot)} have the same key`
    seen.set(spki, slot)
  }
  return undefined
}

async function capacities(edge: Edge): Promise<string | undefined> {
  const said: string[] = []
  for (const { tag, capacity, read: access, name } of OBJECTS) {
    if (access === 'pin') continue
    const content = await contentOf(edge, tag.toUpperCase()).catch(() => undefined)
    if (content !== undefined && content.length > capacity) said.push(`${name}: ${content.length} of ${capacity}`)
  }
  return said.length === 0 ? undefined : `other cards need not have that much room: ${said.join(', ')}`
}

/** X.509 Certificate and CRL Extensions Profile for PIV, worksheets 5 to 9. */
function usagesFor(slot: number, isRsa: boolean): readonly KeyUsage[] {
  if (slot === 0x9c) return ['digitalSignature', 'nonRepudiation']
  if (slot === 0x9a || slot === 0x9e) return ['digitalSignature']
  return isRsa ? ['keyEncipherment'] : ['keyAgreement']
}

const RSA_KEY = '2a864886f70d010101'

function usages(certificate: Certificate, slot: number): string | undefined {
  const wanted = usagesFor(slot, hex(certificate.spki).includes(RSA_KEY))
  const extension = extensionIn(certificate, 'keyUsage')
  if (extension === undefined) return `it does not name its usage, ${wanted.join(' and ')}`
  const found = ifWellFormed(() => readUsages(extension.value)) ?? []
  return found.join() === wanted.join() ? undefined : `usage ${found.join(', ')} instead of ${wanted.join(', ')}`
}

async function names(certificate: Certificate, _slot: number, edge: Edge): Promise<string | undefined> {
  const guid = hex(await fieldOf(edge, CHUID, 0x34))
  const extension = extensionIn(certificate, 'alternativeNames')
  const { uri } = (extension && ifWellFormed(() => readAlternativeNames(extension.value))) ?? { uri: [] }
  const found = uri.some((one) => one.replaceAll('-', '').toLowerCase() === `urn:uuid:${guid}`)
  return found ? undefined : 'it does not name the card (urn:uuid: and the GUID)'
}

const YEARS = 6

export const CERTIFICATE_ASSERTIONS: readonly NamedAssertion[] = [
  row(
    'certificate.compression',
    'SP 800-73-5 part 1, 3.1 and appendix A; RFC 1952, 2.3.1',
    'certificates are compressed if 71 says so, and only then',
    failing(flagged),
  ),
  row(
    'certificate.whole',
    'SP 800-73-5 part 1, appendix A; X.690, 10.1',
    'a certificate fills its field, and inflates to no more than 65535 octets',
    failing(wholeDer),
  ),
  row(
    'certificate.form',
    'RFC 5280, 4.1',
    'certificates are written as RFC 5280 has them',
    deviating(({ oddities }) => (oddities.length === 0 ? undefined : oddities.join(', '))),
  ),
  row(
    'certificate.valid',
    'RFC 5280, 4.1.2.5',
    'certificates are valid today',
    deviating(({ notBefore, notAfter }) => {
      if (notAfter < notBefore) return 'it ends before it begins'
      const today = new Date()
      if (today < notBefore) return 'it is not valid yet'
      return today > notAfter ? 'it has expired' : undefined
    }),
  ),
  row('certificate.exponent', 'SP 800-78-5, 3.1', 'RSA exponents are odd, and 65537 at least', exponents),
  row('certificate.distinct', 'SP 800-73-5 part 1, table 5', 'no key stands in two slots', doubles),
  row(
    'data.capacity',
    'SP 800-73-5 part 1, appendix A',
    'objects are no longer than every card must have room for',
    capacities,
  ),
  row(
    'certificate.hash',
    'SP 800-78-5, 3.2',
    'certificates are signed over a hash that is not broken',
    deviating(({ signatureAlgorithm, signatureParameters }) => {
      const { hash } = signatureFacts(signatureAlgorithm, signatureParameters)
      return hash !== undefined && BROKEN_HASHES.includes(hash) ? `signed over ${hash}` : undefined
    }),
  ),
  row(
    'fips.key-usage',
    `${FIPS}, 4.2.2; SP 800-78-5, 3.1`,
    'FIPS 201: certificates name the usage that their slots have',
    deviating(usages),
  ),
  row(
    'fips.names',
    `${FIPS}, 4.2.2.1 and 4.2.2.2`,
    'FIPS 201: certificates of 9A and 9E name the card',
    deviating(names, [0x9a, 0x9e]),
    wantsChuid,
  ),
  row(
    'fips.certificate-expiry',
    `${FIPS}, 4.2.2`,
    'FIPS 201: certificates end before the card does',
    deviating(
      async ({ notAfter }, _slot, edge) => {
        const day = dayOf(await fieldOf(edge, CHUID, 0x35))
        return notAfter.getTime() > day.getTime() + 86_400_000 ? 'it is valid for longer than the card' : undefined
      },
      [0x9a, 0x9c, 0x9d, 0x9e],
    ),
    wantsChuid,
  ),
  named(
    'fips.signed-chuid',
    `${FIPS}, 4.2.1`,
    'N',
    'FIPS 201: the CHUID is signed by its issuer',
    [look(async (edge) => ((await fieldOf(edge, CHUID, 0x3e)).length === 0 ? 'it is not signed' : undefined))],
    wantsObject(CHUID),
  ),
  named(
    'fips.agency',
    `${FIPS}, 4.2.1; SP 800-73-5 part 1, 3.1.2`,
    'N',
    'FIPS 201: the FASC-N is of a federal agency',
    [
      // The first five characters: start, and agency 9999.
      look(async (edge) =>
        hex(await fieldOf(edge, CHUID, 0x30)).startsWith('d4e739')
          ? 'agency 9999: the card is not of a federal agency'
          : undefined,
      ),
    ],
    wantsObject(CHUID),
  ),
  named(
    'fips.years',
    `${FIPS}, 2.8`,
    'N',
    'FIPS 201: the card expires within six years',
    [
      look(async (edge) => {
        const last = new Date()
        last.setUTCFullYear(last.getUTCFullYear() + YEARS)
        return dayOf(await fieldOf(edge, CHUID, 0x35)) > last ? 'it expires later' : undefined
      }),
    ],
    wantsObject(CHUID),
  ),
  named('fips.mandatory', `${FIPS}, 4.2; SP 800-73-5 part 1, 3.1`, 'N', 'FIPS 201: what every card has is there', [
    look(async (edge) => {
      const missing: string[] = []
      for (const tag of ['5FC107', CHUID, '5FC105', '5FC101', '5FC106']) {
        if ((await wantsObject(tag)(edge)) !== undefined) missing.push(tag)
      }
      return missing.length === 0 ? undefined : `${missing.join(', ')} not there`
    }),
  ]),
]
