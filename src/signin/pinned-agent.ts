// An agent without client authentication that is pinned to the first certificate of the service.
import { Agent } from 'node:https'
import { checkServerIdentity as checkIdentity, createSecureContext, type PeerCertificate } from 'node:tls'
import { equal } from '../bytes.ts'
import { OTHER_CERTIFICATE } from '../https/faults.ts'

export interface Anonymous {
  readonly agent: Agent
  /** The certificate (DER) that the service showed. */
  seen(): Uint8Array | undefined
  /** Ends the pinning, and allows several connections. */
  settle(): void
}

/** Most connections of a session. */
const SOCKETS = 16

/**
 * One connection at a time. Until `settle`, a server with another certificate than the first is refused, so that a signature
 * for the first reaches no other.
 * @param ca trusted CA certificates of the service (PEM); Node's own unless given
 */
export function anonymous(ca: string[] | undefined): Anonymous {
  let seen: Uint8Array | undefined
  let bound = true
  const checkServerIdentity = (host: string, certificate: PeerCertificate): Error | undefined => {
    const { raw } = certificate
    if (bound && seen !== undefined && !equal(seen, raw)) {
      return Object.assign(new Error('another certificate than before'), { code: OTHER_CERTIFICATE })
    }
    seen ??= Uint8Array.from(raw)
    return checkIdentity(host, certificate)
  }
  const trust = { minVersion: 'TLSv1.2' as const, ...(ca && { ca }) }
  // The default, but NODE_TLS_REJECT_UNAUTHORIZED could turn it off. A resumed session shows no certificate.
  const fixed = { rejectUnauthorized: true, keepAlive: true, maxSockets: 1, maxCachedSessions: 0, checkServerIdentity }
  const agent = new Agent({ ...fixed, secureContext: createSecureContext(trust), minVersion: 'TLSv1.2' })
  return {
    agent,
    seen: () => seen,
    settle() {
      bound = false
      agent.maxSockets = SOCKETS
    },
  }
}
