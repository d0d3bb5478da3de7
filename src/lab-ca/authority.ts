// What a CA signs: users' certificates, the certificate of its own server, and the list of revoked certificates.
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { fromHex } from '../bytes.ts'
import { DAY } from '../dates.ts'
import { integer } from '../iso7816/der.ts'
import { writeHostNames } from '../x509/alternative-names.ts'
import { type Certificate, readCertificate } from '../x509/certificate.ts'
import {
  authorityKey,
  basicConstraints,
  type Extension,
  extension,
  keyIdentifier,
  revocationList,
  subjectKey,
} from '../x509/extensions.ts'
import { writeName } from '../x509/name.ts'
import { writePurposes } from '../x509/purposes.ts'
import { writeUsages } from '../x509/usages.ts'
import { type NewCertificate, type Signer, spkiOf, writeCertificate, writeRevocationList } from '../x509/write.ts'
import type { Directory } from './directory.ts'
import { LABORATORY } from './notice.ts'
import type { Content } from './policy.ts'
import { type Curve, loadOrMake } from './root.ts'

/** Clocks in a laboratory differ, so certificates and lists are valid from a little earlier. */
const EARLIER = 10 * 60 * 1000
const SERVER_DAYS = 30
const CRL_DAYS = 7

export interface Revoked {
  readonly serial: string
  readonly at: Date
}

/** Both in PEM. */
export interface ServerIdentity {
  readonly certificate: string
  readonly key: string
}

export interface IssueOptions {
  /** The number of the request, which is also the end of the serial number. */
  readonly id: number
  readonly days: number
  /** The address of the list of revoked certificates. */
  readonly crl: string
}

/** Sixteen octets: twelve random ones, then the number of the request in four. */
function serialNumber(id: number): Uint8Array {
  const octets = Buffer.from(randomBytes(16))
  octets.writeUInt8((octets.readUInt8(0) & 0x3f) | 0x40, 0)
  octets.writeUInt32BE(id, 12)
  return Uint8Array.from(octets)
}

/** The number of the request behind a certificate of this CA; 0 for a certificate without one. */
export const idOfSerial = (serial: string): number =>
  /^[4-7][0-9A-F]{31}$/i.test(serial) ? Number.parseInt(serial.slice(-8), 16) : 0

interface Signed extends Pick<NewCertificate, 'subject' | 'spki' | 'extensions'> {
  readonly serialNumber?: Uint8Array
  readonly days: number
}

export class Authority {
  /** DER. */
  readonly certificate: Uint8Array
  readonly #own: Certificate
  readonly #key: Extension
  readonly #signer: Signer

  private constructor(certificate: Uint8Array, signer: Signer) {
    this.#own = readCertificate(certificate)
    this.#key = authorityKey(keyIdentifier(this.#own.spki))
    this.#signer = signer
    this.certificate = certificate
  }

  /**
   * The CA of a directory, made there if there is none. If two programs make it at once, one succeeds.
   * @throws FileError; UsageError ERR_USAGE if `curve` differs from that of the existing CA
   */
  static async open(directory: Directory, curve?: Curve): Promise<Authority> {
    const { certificate, signer } = await loadOrMake(directory, curve)
    return new Authority(certificate, signer)
  }

  /** Its certificate in PEM. */
  get pem(): string {
    return new X509Certificate(this.certificate).toString()
  }

  /** A user's certificate (DER). */
  issue({ publicKey: spki, commonName, extensions }: Content, options: IssueOptions): Promise<Uint8Array> {
    return this.#sign({
      serialNumber: serialNumber(options.id),
      subject: writeName(['CN', commonName]),
      spki,
      days: options.days,
      extensions: [basicConstraints(false), ...extensions, subjectKey(spki), this.#key, revocationList(options.crl)],
    })
  }

  /** A key and a certificate for the CA's own server, which are not stored. `hosts`: DNS names and IP addresses. */
  async serverIdentity(hosts: readonly string[]): Promise<ServerIdentity> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const [first = 'localhost'] = hosts
    const certificate = await this.#sign({
      subject: writeName(['CN', first], ['O', LABORATORY]),
      spki: spkiOf(publicKey),
      days: SERVER_DAYS,
      extensions: [
        extension('keyUsage', writeUsages(['digitalSignature']), true),
        extension('purposes', writePurposes(['server-authentication']) ?? new Uint8Array(0)),
        extension('alternativeNames', writeHostNames(hosts.map((host) => addressOctets(host) ?? host))),
        this.#key,
      ],
    })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    return { certificate: new X509Certificate(certificate).toString(), key }
  }

  /** The list of revoked certificates (CRL, DER), valid for a week. */
  crl(revoked: readonly Revoked[]): Promise<Uint8Array> {
    const now = Date.now()
    const number = fromHex(`0${now.toString(16)}`) ?? new Uint8Array(0)
    const list = {
      issuer: this.#own.subject,
      thisUpdate: new Date(now - EARLIER),
      nextUpdate: new Date(now + CRL_DAYS * DAY),
      entries: revoked.map(({ serial, at }) => ({ serialNumber: fromHex(serial) ?? new Uint8Array(0), at })),
      // The number has to grow: RFC 5280, 5.2.3. The time does.
      extensions: [this.#key, extension('revocationListNumber', integer(number))],
    }
    return writeRevocationList(list, this.#signer)
  }

  #sign({ days, ...parts }: Signed): Promise<Uint8Array> {
    const notBefore = new Date(Date.now() - EARLIER)
    // A certificate must not outlive the CA that signed it.
    const notAfter = new Date(Math.min(notBefore.getTime() + days * DAY, this.#own.notAfter.getTime()))
    return writeCertificate({ ...parts, issuer: this.#own.subject, notBefore, notAfter }, this.#signer)
  }
}

/** The octets of an IP address; undefined for a name. */
function addressOctets(host: string): Uint8Array | undefined {
  if (isIP(host) === 4) return Uint8Array.from(host.split('.').map(Number))
  if (isIP(host) !== 6) return undefined
  // As a URL writes it: digits only, with at most one `::`.
  const [before = '', after] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::')
  const groups = (text = '') => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const [first, last] = [groups(before), groups(after)]
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}
