// Enrolment agents: who may ask for the certificates of others, and for whom a request is.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { equal } from '../bytes.ts'
import { DER } from '../iso7816/der.ts'
import { TlvError, unwrap } from '../iso7816/tlv.ts'
import { hashOf } from '../x509/algorithms.ts'
import { readAlternativeNames } from '../x509/alternative-names.ts'
import { readCertificate } from '../x509/certificate.ts'
import { EXTENSIONS } from '../x509/extensions.ts'
import { formatName } from '../x509/name-text.ts'
import { oid } from '../x509/oid.ts'
import { readOnBehalf } from '../x509/on-behalf.ts'
import { PSS } from '../x509/pss.ts'
import { CONTENT_TYPE, DATA, MESSAGE_DIGEST, type SignedData } from '../x509/signed-data.ts'
import type { Directory } from './directory.ts'
import { Refusal } from './notice.ts'
import { LONGEST_REQUEST, type User } from './records.ts'
import type { RegistrationAuthority } from './registration-authority.ts'
import type { Request } from './request.ts'
import { signatureOf } from './signatures.ts'
import { findUser } from './users.ts'

const refused = (why: string) => new Refusal(403, why)

export interface ForSomebody {
  /** Whose certificate it will be. */
  readonly user: User
  /** PKCS#10, DER. */
  readonly request: Uint8Array
}

/**
 * The request in an agent's envelope, once the agent's certificate and signature are checked.
 * @throws Refusal 400, 403, 413
 */
export async function openEnvelope(registration: RegistrationAuthority, octets: Uint8Array): Promise<ForSomebody> {
  if (octets.length > LONGEST_REQUEST) throw new Refusal(413, `A request has ${LONGEST_REQUEST} octets at most.`)
  try {
    const { request, requester, data } = readOnBehalf(octets)
    await checkAgent(registration, data)
    // The domain is not checked: this CA has one.
    const name = requester.slice(requester.lastIndexOf('\\') + 1)
    const user = await findUser(registration.directory, name)
    if (user !== undefined) return { user, request }
    throw refused('The request is on behalf of a user that this CA does not know.')
  } catch (error) {
    if (!(error instanceof TlvError)) throw error
    throw new Refusal(400, `This is not a valid request on behalf of somebody: ${error.message}.`)
  }
}

async function checkAgent(registration: RegistrationAuthority, data: SignedData): Promise<void> {
  const certificate = data.certificates.find((one) => {
    const { issuer, serialNumber } = readCertificate(one)
    return serialNumber === data.serialNumber && equal(issuer, data.issuer)
  })
  if (certificate === undefined) throw refused("The signer's certificate did not come with the request.")
  if ((await registration.agent(certificate)) === undefined) {
    throw refused(
      'The signer of the request is not an enrolment agent: an agent has a valid certificate of this CA with the template EnrollmentAgent.',
    )
  }
  checkSignature(data, certificate)
}

function checkSignature(data: SignedData, certificate: Uint8Array): void {
  const key = createPublicKey({
    key: Buffer.from(readCertificate(certificate).spki),
    format: 'der',
    type: 'spki',
  })
  const digest = hashOf(data.digest)
  if (digest === undefined)
    throw refused('The content is hashed in a way that is not taken here: use SHA-256 or better.')
  const content = createHash(digest.replace('-', '')).update(data.content).digest()
  const { hash, kind, pss } = signatureOf(data.algorithm, digest)
  const right =
    kind === key.asymmetricKeyType &&
    equal(attributeIn(data, CONTENT_TYPE), oid(DATA)) &&
    equal(unwrap(attributeIn(data, MESSAGE_DIGEST), DER.octetString), content) &&
    verify(hash, data.signed, { key, ...(pss && PSS) }, data.signature)
  if (!right) throw refused("The enrolment agent's signature is wrong.")
}

function attributeIn({ attributes }: SignedData, id: string): Uint8Array {
  const [only, ...others] = attributes.filter((one) => one.id === id)
  if (only === undefined || others.length > 0) throw new TlvError('an attribute of its signature is missing')
  return only.value
}

/** For whom a request is that an agent hands in by name alone: whose UPN it has, else who is its subject. @throws Refusal 403 */
export async function userNamedIn(directory: Directory, { subject, extensions }: Request): Promise<User> {
  const names = extensions.find(({ id }) => id === EXTENSIONS.alternativeNames)
  const [upn] = names === undefined ? [] : readAlternativeNames(names.value).upn
  const [, common] = /^CN=([^,+=]+)$/.exec(formatName(subject)) ?? []
  const found = await findUser(directory, upn ?? common ?? '')
  if (found !== undefined) return found
  throw refused('The request of this enrolment agent names no user of this CA: neither its UPN nor its subject does.')
}
