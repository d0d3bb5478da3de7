/** `tessera-card/serve`: cards in PC/SC and PKCS #11, for every program of this user or of the machine. */

export type { CardInReader, PcscServiceOptions } from '../doors/pcsc/service.ts'
export type { Pkcs11ServiceOptions } from '../doors/pkcs11/service.ts'
export type { CardSource } from '../doors/pkcs11/token.ts'
export { type ServeCardOptions, serveCard } from './serve-card.ts'
export { type ServedPcsc, type ServePcscOptions, servePcsc } from './serve-pcsc.ts'
export { type ServedPkcs11, type ServePkcs11Options, servePkcs11 } from './serve-pkcs11.ts'
export type { LinkState } from './vpcd/link.ts'
export type { Served, ServeOptions } from './vpcd/serve.ts'
