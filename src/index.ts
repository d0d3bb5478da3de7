/** `tessera-card`: cards, their errors, and readers. Enrolment, TLS, sign-in and serving have entry points of their own. */
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
  removeDeadCard,
  renameCard,
  resetCard,
  type TpmCardSummary,
  type WhyDead,
} from './cards/index.ts'
export type { CardChannel, EvidenceOptions, LocalCard } from './channel.ts'
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
export type { Algorithm, CardAlgorithm, Hash } from './piv/algorithms.ts'
export type { AdminKey } from './piv/host/admin.ts'
export { Card, type GenerateKeyOptions, type VerifyPinOptions } from './piv/host/card.ts'
export type { CardCertificate } from './piv/host/certificates.ts'
export type { AdminKeyInfo } from './piv/host/extras.ts'
export type { KeyInfo, SlotContent, UnusableKey } from './piv/host/key-info.ts'
export type { ObjectInfo } from './piv/host/objects.ts'
export type { DecryptOptions } from './piv/host/padding.ts'
export type { AskPin, KeyUse, PinRequest, PinUse } from './piv/host/pin-request.ts'
export type { PinStatus } from './piv/host/pins.ts'
export type { SignatureOptions } from './piv/host/signature.ts'
export type { Cancellable } from './piv/host/waiting.ts'
export { DEFAULT_PIN, DEFAULT_PUK, type Secret } from './piv/pin.ts'
export type { PinPolicy, Slot } from './piv/slots.ts'
export { respond as respondToChallenge } from './tpm/help-desk.ts'
export { resolveTcti } from './tpm/tcti.ts'
