/** `tessera-card/serve`: a card in PC/SC, for every program of the machine. */
export type { LinkState } from './link.ts'
export type { Served, ServeOptions } from './serve.ts'
export { type ServeCardOptions, serveCard } from './serve-card.ts'
