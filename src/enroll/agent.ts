// Enrolment agents: whose certificate signs requests for other people.
import { equal } from '../bytes.ts'
import { CardError, UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { parseSlot } from '../piv/slots.ts'
import { readCertificate } from '../x509/certificate.ts'
import { writeOnBehalf } from '../x509/on-behalf.ts'
import { spkiOf } from '../x509/write.ts'
import { describeCertificate } from './describe.ts'
import { type SigningOptions, slotSigner } from './signer.ts'

/** Signs requests for other people. */
export interface EnrollmentAgent {
  /**
   * Signs a request (PKCS#10, DER) on behalf of a user, as the CA knows them: `DOMAIN\name` for AD CS.
   * @returns CMS in DER
   */
  sign(request: Uint8Array, user: string): Promise<Uint8Array>
}

/** Who gets the certificate, and who asks for it. */
export interface OnBehalfOf {
  /** `DOMAIN\name` for AD CS. */
  readonly user: string
  readonly agent: EnrollmentAgent
}

const LONGEST_NAME = 256

/**
 * The enrolment agent whose certificate is in a slot of a card. Its certificate has to have the purpose
 * `certificate-request-agent`.
 * @throws from `sign`: CardError ERR_CERTIFICATE_ABSENT, ERR_CERTIFICATE_UNFIT, ERR_CERTIFICATE_KEY; UsageError ERR_USAGE;
 * as `Card.sign`
 */
export function enrollmentAgent(card: Card, slot = '9a', options: SigningOptions = {}): EnrollmentAgent {
  const place = parseSlot(slot)
  return {
    async sign(request, user) {
      if (user.length === 0 || user.length > LONGEST_NAME || /\p{Cc}/u.test(user)) {
        throw new UsageError('ERR_USAGE', `A user has 1 to ${LONGEST_NAME} characters: DOMAIN\\name.`)
      }
      const certificate = await agentCertificate(card, place)
      const signer = await slotSigner(card, place, options)
      if (!equal(readCertificate(certificate).spki, spkiOf(signer.publicKey))) {
        throw new CardError('ERR_CERTIFICATE_KEY', `The certificate in slot ${place} is not for the key there.`)
      }
      return writeOnBehalf({ request, requester: user }, certificate, signer)
    },
  }
}

async function agentCertificate(card: Card, slot: string): Promise<Uint8Array> {
  const found = await card.getCertificate(slot)
  if (found === undefined) {
    throw new CardError('ERR_CERTIFICATE_ABSENT', `There is no certificate in slot ${slot} of card '${card.name}'.`)
  }
  const { purposes } = describeCertificate(found.certificate)
  if (purposes?.includes('certificate-request-agent')) return found.certificate
  throw new CardError(
    'ERR_CERTIFICATE_UNFIT',
    `The certificate in slot ${slot} of card '${card.name}' is not that of an enrolment agent: its purposes have no certificate-request-agent. Ask the people who run the CA for one.`,
  )
}
