/** `tessera-card/serve`: a card in PC/SC, for every program of the machine. */

export { type ServeCardOptions, serveCard } from './serve-card.ts'
export type { LinkState } from './vpcd/link.ts'
export type { Served, ServeOptions } from './vpcd/serve.ts'
