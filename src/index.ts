export {
  type CardPlace,
  type CardSummary,
  type CreateCardOptions,
  cardInfo,
  createCard,
  destroyCard,
  listCards,
  openCard,
  type ReadableCard,
} from './cards.ts'
export {
  type AnyCardError,
  CardError,
  type ErrorCode,
  FileError,
  PinError,
  TpmError,
  UsageError,
} from './errors.ts'
export type { Algorithm, Hash } from './piv/algorithms.ts'
export { Card, type GenerateKeyOptions, type KeyInfo, type PinStatus } from './piv/host/card.ts'
export type { SignatureOptions } from './piv/host/signature.ts'
export { DEFAULT_PIN, DEFAULT_PUK, type Secret } from './piv/pin.ts'
export type { PinPolicy, Slot } from './piv/slots.ts'
export { respond as respondToChallenge } from './tpm/help-desk.ts'
export { resolveTcti } from './tpm/tcti.ts'
