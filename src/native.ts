// The native addon: loaded once, typed here. Its C++ twins are the files binding.cc in native/tpm, pcsc, provider, terminal and net.
// Octets, numbers and handles cross this seam, nothing else; every Uint8Array is copied on the way in and fresh on the way
// out.
import { loadAddon } from './addon/load.ts'

/** One authorisation of a command. `session` 0x40000009 (TPM_RS_PW) is a password authorisation. */
export interface NativeAuth {
  readonly session: number
  /** authValue of the entity that this session authorises. */
  readonly authValue?: Uint8Array | undefined
  /** TPMA_SESSION: 0x01 continueSession, 0x20 decrypt, 0x40 encrypt. */
  readonly attributes: number
}

export interface NativeCommand {
  /** Its code: TPM 2.0 Library, Part 2, 6.5.2. One of `commandCodes`. */
  readonly command: number
  readonly handles: readonly number[]
  /** Name of each handle; an empty one, or none, where the handle is its own Name. */
  readonly names: readonly Uint8Array[]
  readonly auths: readonly NativeAuth[]
  /** The parameter area in TCG wire form. */
  readonly params: Uint8Array
  /**
   * Only for PolicyTicket, which a session needs again before each use: a number of `keepTicket`, for `params`. After a
   * use it is done ahead of the next one, when the answers are handed back and nobody waits. Done ahead, it is not sent
   * again, and its result is empty.
   */
  readonly ticket?: number
}

/** A command to the TPM and its answer, in hex digits; `xx` for each octet that is not shown. */
export interface NativeExchange {
  readonly command: string
  /** Undefined where there was none. */
  readonly answer?: string
  /** Milliseconds since 1970, with a fraction. */
  readonly began: number
  /** Milliseconds. */
  readonly took: number
}

export interface NativeTpm {
  /**
   * Runs commands one after the other, in one trip to the TPM's own thread; the first failure ends them. Each result is
   * the response handle, where there is one, and the response parameters, in TCG wire form.
   */
  run(commands: readonly NativeCommand[]): Promise<Uint8Array[]>
  startSession(options: {
    policy: boolean
    saltKey?: number | undefined
    saltPublic?: Uint8Array | undefined
  }): Promise<{ handle: number; nonceTpm: Uint8Array }>
  /** Keeps the parameters of a PolicyTicket for `ticket` of its commands, until `dropTicket` or the end of this object. */
  keepTicket(params: Uint8Array): number
  /** The ticket is overwritten, at once where no command under way has it. */
  dropTicket(ticket: number): void
  /** The raw octets of one command and of its answer. For tests and diagnosis. */
  transmit(command: Uint8Array): Promise<Uint8Array>
  nonceTpm(session: number): Uint8Array
  /** How often each command was sent; `stateWrites` counts the embedded TPM's writes of its state. */
  counters(): Record<string, number>
  close(): Promise<void>
}

/** What the addon's promises reject with. */
export interface NativeFailure extends Error {
  readonly layer: 'tpm' | 'tcti' | 'sapi' | 'session' | 'library' | 'state' | 'closed'
  readonly rc: number
  readonly reason: string
  readonly command?: string
}

export interface NativeFileLock {
  release(): void
}

// --- PC/SC: native/pcsc/binding.cc ---------------------------------------------------------------------------------

/** What the promises of PC/SC reject with. `rc` is PC/SC's return code where `layer` is `pcsc`. */
export interface NativePcscFailure extends Error {
  readonly layer: 'pcsc' | 'library' | 'closed'
  readonly rc: number
}

export interface NativeReaderState {
  readonly name: string
  /** Flags of SCARD_STATE_. */
  readonly state: number
  /** How often a card came or went, modulo 65536. */
  readonly events: number
  /** Empty where there is no card. */
  readonly atr: Uint8Array
}

export interface NativeConnected {
  /** 1: T=0, 2: T=1. */
  readonly protocol: number
  readonly atr: Uint8Array
}

/** A connection to one card, on a thread of its own: calls are done in the order in which they were made. */
export interface NativePcscConnection {
  readers(): Promise<NativeReaderState[]>
  /** Connects to pcscd too, and connects anew after pcscd was restarted. */
  connect(reader: string, shareMode: number, protocols: number): Promise<NativeConnected>
  /** 0: leaves the card as it is, 1: resets it, 2: powers it down and up. */
  reconnect(initialization: number): Promise<NativeConnected>
  disconnect(disposition: number): Promise<void>
  /** What becomes of the card when this connection ends, however it ends: 0 as it is, 1 reset. */
  parting(disposition: number): void
  /** Waits while another program has the card. */
  begin(): Promise<void>
  end(): Promise<void>
  transmit(apdu: Uint8Array): Promise<Uint8Array>
  control(code: number, data: Uint8Array): Promise<Uint8Array>
  attribute(id: number): Promise<Uint8Array>
  /** Control codes of the reader by feature tag: PC/SC part 10, 2.2. */
  features(): Promise<Record<number, number>>
  /** Rejects every call under way, at once. What they do meanwhile comes to nothing. */
  cancel(): void
  close(): Promise<void>
}

export interface NativePcscMonitor {
  close(): void
}

// --- Keys of Node's OpenSSL: native/provider/binding.cc --------------------------------------------------------------

/** A thread in OpenSSL waits for this. */
export interface NativeKeyRequest {
  /** Counts all requests of the process. */
  readonly id: number
  /** A thread of libuv's pool waits, or one that has not loaded the addon. */
  readonly pooled: boolean
  readonly use: 'sign' | 'decrypt' | 'derive'
  /** A digest, a ciphertext, or the public key of the other side (SubjectPublicKeyInfo in DER). */
  readonly octets: Uint8Array
  /** Of the digest, or of OAEP: `SHA-256`; OpenSSL's name for others, and empty where there is none. */
  readonly hash: string
  /** Of an RSA key. */
  readonly padding: 'pkcs1' | 'pss' | 'oaep' | ''
  /** Octets; of PSS. */
  readonly saltLength: number
  /** Of OAEP. */
  readonly label: Uint8Array
}

export interface NativeProviderKey {
  /** What PKCS#8 calls the key: `tessera:TOKEN`, in any thread of this process. */
  readonly token: string
  /** False where no thread waits any more. Signatures: ECDSA in DER, RSA as long as the modulus. */
  answer(id: number, octets: Uint8Array): boolean
  /** `code` becomes the reason in Node's error, beside `reason(NUMBER)`: 1000 and the request's number modulo 200 000. */
  refuse(id: number, code: string): boolean
  /** The URI of the key for OSSL_STORE, until it is closed; null where another key has the name. */
  name(name: string): string | null
  /** Refuses every request that waits, and every later one. */
  close(): void
}

export interface Native {
  readonly PcscConnection: new () => NativePcscConnection
  /** Calls back with what there is now, and at each change. */
  readonly PcscMonitor: new (
    seen: (failure: NativePcscFailure | undefined, readers: NativeReaderState[]) => void,
  ) => NativePcscMonitor
  openTpm(options: {
    tcti: string
    stateFile: string
    createState: boolean
    waitMs: number
    /** Called with each exchange once it is over, in this thread. It must not throw. */
    onExchange?: (exchange: NativeExchange) => void
  }): Promise<NativeTpm>
  /** One try at a lock between processes; null where it is taken. The kernel frees it when a process ends. */
  lockFile(path: string): NativeFileLock | null
  /** Whether a lock on the file is taken; false where there is no file. Does not keep others from asking the same. */
  isFileLocked(path: string): boolean
  /** Codes of the commands that `run` knows, by name as TPM 2.0 Part 3 has it. */
  readonly commandCodes: Readonly<Record<string, number>>
  /**
   * Has the kernel acknowledge what a TCP socket receives at once (TCP_QUICKACK); to be said again at each receive.
   * False where `fd` is no TCP socket, or the system has no such option.
   */
  setQuickAck(fd: number): boolean
  /** The user id at the other end of a Unix socket; undefined where `fd` is no Unix socket, or nobody is there. */
  peerUser(fd: number): number | undefined
  /**
   * Turns the echo of a terminal on or off, and nothing else. False if nothing was changed: it was so already, `fd` is no
   * terminal, or this process is in the background there.
   */
  setTerminalEcho(fd: number, on: boolean): boolean
  /**
   * The key derivation of PKCS#12 (RFC 7292, B.2), on another thread. `passphrase`: as it goes in, a BMPString with two zeros
   * at its end; `purpose`: 1 a key, 2 an IV, 3 a key of a MAC; at most 64 octets.
   */
  pkcs12Key(
    hash: string,
    passphrase: Uint8Array,
    salt: Uint8Array,
    purpose: 1 | 2 | 3,
    rounds: number,
    length: number,
  ): Promise<Uint8Array>
  /** Registers the provider, once for this copy of the addon; false where Node's OpenSSL does not let it serve. */
  registerProvider(): boolean
  /** Only after `registerProvider`. `spki`: of an EC or RSA key. This thread is asked, and no other. */
  readonly ProviderKey: new (
    spki: Uint8Array,
    asked: (request: NativeKeyRequest) => void,
  ) => NativeProviderKey
  /** Lets this thread stop waiting for a signature when it is terminated. */
  watchThreadTermination(): void
}

let loaded: Native | undefined

/** @throws TpmError ERR_TPM_LIBRARY where there is none for this computer, or it cannot be loaded */
export function native(): Native {
  loaded ??= loadAddon(import.meta.url) as Native
  return loaded
}
