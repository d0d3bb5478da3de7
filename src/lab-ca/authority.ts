// What a CA signs: certificates of users, that of its own server, and the list of those that are revoked.
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { fromHex, hex } from '../bytes.ts'
import { tlv } from '../iso7816/tlv.ts'
import { type Library, library } from '../x509/library.ts'
import { PURPOSES } from '../x509/purposes.ts'
import type { Directory } from './directory.ts'
import { LABORATORY } from './notice.ts'
import type { Content } from './policy.ts'
import { type Curve, loadOrMake, type SigningKey } from './root.ts'

const DAY = 24 * 60 * 60 * 1000
/** The clocks of a laboratory differ: certificates and lists are valid from a little earlier. */
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
  /** The number of the request; it is the end of the serial number. */
  readonly id: number
  readonly days: number
  /** Where the list of revoked certificates is. */
  readonly crl: string
}

/** Sixteen octets, of which the last four are the number of the request and the others random. */
function serialNumber(id: number): string {
  const octets = Buffer.from(randomBytes(16))
  octets.writeUInt8((octets.readUInt8(0) & 0x3f) | 0x40, 0)
  octets.writeUInt32BE(id, 12)
  return octets.toString('hex')
}

/** The number of the request that a certificate of this CA answers; 0 for what none does. */
export const idOfSerial = (serial: string): number =>
  /^[4-7][0-9A-F]{31}$/i.test(serial) ? Number.parseInt(serial.slice(-8), 16) : 0

interface Signed {
  readonly serialNumber: string
  readonly subject: Library.JsonName
  readonly publicKey: Uint8Array
  readonly days: number
  readonly extensions: Library.Extension[]
}

const wholeSecond = (time: number): Date => new Date(Math.floor(time / 1000) * 1000)

export class Authority {
  /** DER. */
  readonly certificate: Uint8Array
  /** As RFC 4514 writes it. */
  readonly name: string
  readonly #x509: typeof Library
  readonly #own: Library.X509Certificate
  readonly #signing: SigningKey

  private constructor(x509: typeof Library, certificate: Uint8Array, signing: SigningKey) {
    this.#x509 = x509
    this.#own = new x509.X509Certificate(certificate)
    this.#signing = signing
    this.certificate = certificate
    this.name = this.#own.subject
  }

  /**
   * The CA of a directory, which is made there unless there is one. Of two programs that make it at once, one does.
   * @throws FileError; UsageError ERR_USAGE where `curve` is not that of the CA that is there
   */
  static async open(directory: Directory, curve?: Curve): Promise<Authority> {
    const { certificate, signing } = await loadOrMake(directory, curve)
    return new Authority(await library(), certificate, signing)
  }

  /** Its certificate, for those that read PEM. */
  get pem(): string {
    return this.#own.toString('pem')
  }

  /** A user's certificate (DER). */
  async issue({ publicKey, commonName, extensions }: Content, options: IssueOptions): Promise<Uint8Array> {
    const { AuthorityKeyIdentifierExtension, BasicConstraintsExtension, CRLDistributionPointsExtension } = this.#x509
    const { Extension, SubjectKeyIdentifierExtension } = this.#x509
    const own = extensions.map(({ id, critical, value }) => new Extension(id, critical, value))
    return this.#sign({
      serialNumber: serialNumber(options.id),
      subject: [{ CN: [commonName] }],
      publicKey,
      days: options.days,
      extensions: [
        new BasicConstraintsExtension(false),
        ...own,
        await SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
        await AuthorityKeyIdentifierExtension.create(this.#own, false, webcrypto),
        new CRLDistributionPointsExtension([options.crl]),
      ],
    })
  }

  /** A key and a certificate for the CA's own server, which nobody keeps. `hosts`: DNS names and IP addresses. */
  async serverIdentity(hosts: readonly string[]): Promise<ServerIdentity> {
    const { AuthorityKeyIdentifierExtension, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension } = this.#x509
    const { SubjectAlternativeNameExtension } = this.#x509
    const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const [first = 'localhost'] = hosts
    const certificate = await this.#sign({
      serialNumber: hex(randomBytes(15)),
      subject: [{ CN: [first] }, { O: [LABORATORY] }],
      publicKey: keys.publicKey.export({ type: 'spki', format: 'der' }),
      days: SERVER_DAYS,
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([PURPOSES['server-authentication']]),
        new SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))),
        await AuthorityKeyIdentifierExtension.create(this.#own, false, webcrypto),
      ],
    })
    const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    return { certificate: new this.#x509.X509Certificate(certificate).toString('pem'), key }
  }

  /** The list of revoked certificates (CRL, DER), good for a week. */
  async crl(revoked: readonly Revoked[]): Promise<Uint8Array> {
    const { AuthorityKeyIdentifierExtension, Extension, X509CrlGenerator } = this.#x509
    const now = Date.now()
    const list = await X509CrlGenerator.create(
      {
        issuer: this.#own.subjectName,
        thisUpdate: wholeSecond(now - EARLIER),
        nextUpdate: wholeSecond(now + CRL_DAYS * DAY),
        entries: revoked.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: wholeSecond(at.getTime()) })),
        extensions: [
          await AuthorityKeyIdentifierExtension.create(this.#own, false, webcrypto),
          // cRLNumber, RFC 5280, 5.2.3: it has to grow, as time does.
          new Extension('2.5.29.20', false, tlv(0x02, fromHex(`0${now.toString(16)}`) ?? new Uint8Array(0))),
        ],
        ...this.#signing,
      },
      webcrypto,
    )
    return new Uint8Array(list.rawData)
  }

  async #sign({ days, ...parameters }: Signed): Promise<Uint8Array> {
    const notBefore = wholeSecond(Date.now() - EARLIER)
    // No certificate outlives the CA that signed it.
    const notAfter = new Date(Math.min(notBefore.getTime() + days * DAY, this.#own.notAfter.getTime()))
    const issuer = this.#own.subjectName
    const signed = { ...parameters, issuer, notBefore, notAfter, ...this.#signing }
    return new Uint8Array((await this.#x509.X509CertificateGenerator.create(signed, webcrypto)).rawData)
  }
}
