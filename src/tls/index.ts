/** `tessera-card/tls`: TLS client authentication with the key of a card. */
export { type CardAgent, type CardAgentOptions, type CardConnectOptions, cardAgent } from './agent.ts'
export { cardDispatcher, type DispatcherClass, type FetchDispatcher } from './dispatcher.ts'
export type { CardSocket } from './socket.ts'
