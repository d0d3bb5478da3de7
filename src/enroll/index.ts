/** `tessera-card/enroll`: certificates for cards: requests, imports, and enrolment with a CA. */
export { type EnrollmentAgent, enrollmentAgent, type OnBehalfOf } from './agent.ts'
export { type CertificateDescription, describeCertificate } from './describe.ts'
export type { EnrollEvent, EnrollOptions, EnrollResult } from './enroll-options.ts'
export {
  type AbandonedEnrollment,
  abandonEnrollment,
  type EnrollPlace,
  enroll,
  type PendingEnrollment,
  pendingEnrollment,
} from './enrollments.ts'
export { type Candidate, examineCertificates, type ImportOptions, importCertificate } from './import.ts'
export { type ProgramVerdict, programVerdicts } from './programs.ts'
export type { CaAnswer, CaProtocol, PendingRequest } from './protocol.ts'
export { certsrvProtocol } from './protocols/certsrv.ts'
export type { CaAddress, Credentials } from './protocols/connection.ts'
export { type Est, estProtocol } from './protocols/est.ts'
export { negotiate } from './protocols/negotiate.ts'
export { type Expiry, expiryOf } from './renewal.ts'
export { type RequestOptions, requestCertificate } from './request.ts'
export { type SelfSignOptions, selfSign } from './self-sign.ts'
export { type Prepared, prepareCard, type StationOptions } from './station/prepare-card.ts'
