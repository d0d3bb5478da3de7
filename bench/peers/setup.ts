// What a peer is told, as JSON in its first argument.
export const PIN = '483920'
export const MESSAGE = new Uint8Array(32).fill(7)

export interface PeerSetup {
  readonly algorithm: 'P-256' | 'RSA-2048'
  /** The swtpm that it has for itself; the empty string for those without a TPM. */
  readonly tcti: string
}

export const peerSetup = (): PeerSetup => JSON.parse(process.argv[2] ?? '') as PeerSetup
