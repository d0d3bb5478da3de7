// A way to a service that proves nothing of who asks, and is bound to the certificate that the service shows.
import { Agent } from 'node:https'
import { checkServerIdentity as checkIdentity, createSecureContext, type PeerCertificate } from 'node:tls'
import { equal } from '../bytes.ts'
import { OTHER_CERTIFICATE } from '../https/faults.ts'

export interface Anonymous {
  readonly agent: Agent
  /** The certificate (DER) that the service showed. */
  seen(): Uint8Array | undefined
  /** From now on the service may show another one, and is asked over more than one connection. */
  settle(): void
}

/** Connections of somebody who is signed in. */
const SOCKETS = 16

/**
 * One connection at a time. Until `settle`, none to a server that shows another certificate than the first is used: what is
 * signed for this one does not go anywhere else.
 * @param ca certificates (PEM) by which the service is known; those of Node unless given
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
  // Said although it is usual: an environment variable could turn it off. A resumed session shows no certificate.
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
