/** `tessera-card/keys`: the keys of a card as Node's own keys, for `crypto.sign`, WebCrypto and whatever is built on them. */
export { type CardKey, type CardKeyOptions, cardKey } from './card-key.ts'
export type { KeyAlgorithm } from './web-crypto.ts'
