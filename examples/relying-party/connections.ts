/**
 * What is remembered of those who sign in by a certificate: nothing but which of the connections that are open have
 * signed out, or are too old. Every new connection has to prove the key anew, since TLS sessions are not resumed.
 */
import type { X509Certificate } from 'node:crypto'
import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { Refusal } from './refusals.ts'

interface Connection {
  readonly certificate: X509Certificate | undefined
  readonly since: number
  signedOut: boolean
}

export class Connections {
  readonly #open = new Map<TLSSocket, Connection>()
  readonly #longestMs: number
  readonly #now: () => number

  constructor(server: Server, longestMs: number, now: () => number) {
    this.#longestMs = longestMs
    this.#now = now
    server.on('secureConnection', (socket) => {
      this.#open.set(socket, { certificate: socket.getPeerX509Certificate(), since: now(), signedOut: false })
      socket.once('close', () => this.#open.delete(socket))
    })
  }

  /** The certificate that a connection showed and has the key of. @throws Refusal no-certificate, signed-out */
  certificate(socket: TLSSocket): { readonly certificate: X509Certificate; readonly expires: Date } {
    const { certificate, since, signedOut } = this.#of(socket)
    const expires = since + this.#longestMs
    if (signedOut || this.#now() >= expires) {
      throw new Refusal('signed-out', { words: 'This connection is signed out. Sign in over a new one.' })
    }
    return { certificate, expires: new Date(expires) }
  }

  /** Signs out every connection that is open and showed the same certificate. @throws Refusal no-certificate */
  signOut(socket: TLSSocket): void {
    const { fingerprint256 } = this.#of(socket).certificate
    for (const connection of this.#open.values()) {
      if (connection.certificate?.fingerprint256 === fingerprint256) connection.signedOut = true
    }
  }

  #of(socket: TLSSocket): Connection & { readonly certificate: X509Certificate } {
    const connection = this.#open.get(socket)
    if (connection?.certificate === undefined) throw new Refusal('no-certificate')
    return { ...connection, certificate: connection.certificate }
  }
}
