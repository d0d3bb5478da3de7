export {
  type CardBeyond,
  type CardPlace,
  type CardState,
  type CardSummary,
  type CreateCardOptions,
  cardInfo,
  createCard,
  destroyCard,
  type ListedCertificate,
  type ListOptions,
  listCards,
  listReaderCards,
  type NamedCard,
  openCard,
  type ReadableCard,
  type ReaderCardSummary,
  type ReaderPlace,
  readerCardInfo,
  renameCard,
  resetCard,
  type TpmCardSummary,
} from './cards/cards.ts'
export type { CardChannel, LocalCard } from './channel.ts'
export { type CertificateDescription, describeCertificate } from './enroll/describe.ts'
export type { EnrollEvent, EnrollOptions, EnrollResult } from './enroll/enroll-options.ts'
export {
  abandonEnrollment,
  type EnrollPlace,
  enroll,
  type PendingEnrollment,
  pendingEnrollment,
} from './enroll/enrollments.ts'
export { type Candidate, examineCertificates, type ImportOptions, importCertificate } from './enroll/import.ts'
export { type ProgramVerdict, programVerdicts } from './enroll/programs.ts'
export type { CaAnswer, CaProtocol, PendingRequest } from './enroll/protocol.ts'
export { certsrvProtocol } from './enroll/protocols/certsrv.ts'
export type { CaAddress, Credentials } from './enroll/protocols/connection.ts'
export { type Est, estProtocol } from './enroll/protocols/est.ts'
export { negotiate } from './enroll/protocols/negotiate.ts'
export { type Expiry, expiryOf } from './enroll/renewal.ts'
export { type RequestOptions, requestCertificate } from './enroll/request.ts'
export { type SelfSignOptions, selfSign } from './enroll/self-sign.ts'
export { type Prepared, prepareCard, type StationOptions } from './enroll/station.ts'
export {
  type AnyCardError,
  CaError,
  CardError,
  type ErrorCode,
  FileError,
  PcscError,
  PinError,
  SignInError,
  TlsError,
  TpmError,
  UsageError,
} from './errors.ts'
export {
  listReaders,
  type Reader,
  type ReaderEvent,
  type ReaderWatch,
  watchReaders,
} from './pcsc/readers.ts'
export type { Algorithm, Hash } from './piv/algorithms.ts'
export type { AdminKey } from './piv/host/admin.ts'
export { Card, type GenerateKeyOptions, type VerifyPinOptions } from './piv/host/card.ts'
export type { CardCertificate } from './piv/host/certificates.ts'
export type { AdminKeyInfo } from './piv/host/extras.ts'
export type { KeyInfo } from './piv/host/key-info.ts'
export type { ObjectInfo } from './piv/host/objects.ts'
export type { DecryptOptions } from './piv/host/padding.ts'
export type { AskPin, KeyUse, PinRequest, PinUse } from './piv/host/pin-request.ts'
export type { PinStatus } from './piv/host/pins.ts'
export type { SignatureOptions } from './piv/host/signature.ts'
export type { Cancellable } from './piv/host/waiting.ts'
export { DEFAULT_PIN, DEFAULT_PUK, type Secret } from './piv/pin.ts'
export type { PinPolicy, Slot } from './piv/slots.ts'
export type { LinkState } from './serve/link.ts'
export type { Served, ServeOptions } from './serve/serve.ts'
export { type ServeCardOptions, serveCard } from './serve/serve-card.ts'
export {
  type AccountPlace,
  type AccountSummary,
  accounts,
  forget,
  type SignedIn,
  signOutElsewhere,
} from './signin/accounts.ts'
export { type BackgroundOptions, signInInBackground } from './signin/background.ts'
export type { BackgroundSession } from './signin/background-messages.ts'
export type { Ending, Method as SignInMethod } from './signin/methods.ts'
export type { Ended, Session, SessionRequest } from './signin/session.ts'
export { type SignInOptions, signIn } from './signin/sign-in.ts'
export { type CardAgent, type CardAgentOptions, type CardConnectOptions, cardAgent } from './tls/agent.ts'
export type { CardSocket } from './tls/socket.ts'
export { respond as respondToChallenge } from './tpm/help-desk.ts'
export { resolveTcti } from './tpm/tcti.ts'
