// The properties and methods of a TLSSocket for a connection in the worker thread.

import { X509Certificate } from 'node:crypto'
import { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import { isUint8Array } from 'node:util/types'
import type { Addresses, Facts } from './messages.ts'

export abstract class SecureSocket extends Duplex {
  readonly encrypted = true
  /** True until there is a TCP connection. */
  connecting = true
  protected facts: Facts | undefined
  protected addresses: Addresses | undefined
  /** The certificate that the server is shown. */
  protected abstract readonly certificate: X509Certificate

  /** Whether the server's certificate was verified. */
  get authorized(): boolean {
    return this.facts?.authorized ?? false
  }

  get authorizationError(): string | undefined {
    return this.facts?.authorizationError
  }

  get alpnProtocol(): string | false | null {
    return this.facts?.alpnProtocol ?? null
  }

  get servername(): string | false | null {
    return this.facts?.servername ?? null
  }

  get remoteAddress(): string | undefined {
    return this.addresses?.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.addresses?.remotePort
  }

  get remoteFamily(): string | undefined {
    return this.addresses?.remoteFamily
  }

  get localAddress(): string | undefined {
    return this.addresses?.localAddress
  }

  get localPort(): number | undefined {
    return this.addresses?.localPort
  }

  getProtocol(): string | null {
    return this.facts?.protocol ?? null
  }

  getCipher(): Facts['cipher'] | undefined {
    return this.facts?.cipher
  }

  getEphemeralKeyInfo(): Facts['ephemeralKey'] {
    return this.facts?.ephemeralKey ?? null
  }

  /** With `detailed` also the certificates that signed it, each as `issuerCertificate`. */
  getPeerCertificate(detailed = false): PeerCertificate | Record<string, never> {
    const certificate = this.facts?.certificate
    return certificate === undefined ? {} : buffers(certificate, detailed)
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    const raw = this.facts?.certificate?.raw
    return raw && new X509Certificate(raw)
  }

  /** The certificate that the server is shown. */
  getX509Certificate(): X509Certificate {
    return this.certificate
  }
}

/** Cloning turned Node's Buffers into Uint8Arrays. */
function buffers(certificate: PeerCertificate, detailed: boolean): PeerCertificate {
  const { issuerCertificate, ...own } = certificate as PeerCertificate & { issuerCertificate?: PeerCertificate }
  const fields = Object.entries(own).map(([name, value]) => [name, isUint8Array(value) ? Buffer.from(value) : value])
  const copy = Object.fromEntries(fields) as PeerCertificate & { issuerCertificate?: PeerCertificate }
  // A root is its own issuer.
  if (detailed && issuerCertificate !== undefined)
    copy.issuerCertificate = issuerCertificate === certificate ? copy : buffers(issuerCertificate, true)
  return copy
}
