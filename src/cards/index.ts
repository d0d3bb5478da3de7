/** Cards of both kinds: creating, opening, listing, renaming, resetting and destroying them. */

export { type WhyDead, whyDead } from '../tpm/dead.ts'
export type { ListedCertificate } from './certificates.ts'
export { destroyCard, removeDeadCard, renameCard, resetCard } from './change.ts'
export { type CreateCardOptions, createCard, makeCard } from './create.ts'
export { type CardSummary, type ListOptions, listCards } from './list.ts'
export { openCard, openChannel } from './open.ts'
export type { CardPlace, NamedCard, ReaderPlace } from './place.ts'
export { type CardBeyond, listReaderCards, type ReaderCardSummary, readerCardInfo } from './reader-cards.ts'
export type { CardState } from './states.ts'
export { cardCertificates, cardInfo, type PlacedCertificate, type ReadableCard } from './summary.ts'
export type { TpmCardSummary } from './tpm-cards.ts'
