/**
 * Negotiate (RFC 4559) through the package `kerberos`. It is not among the dependencies: it is loaded on demand, and
 * has to be installed separately. There is one round per call, which is what Kerberos needs; NTLM needs more and is not
 * supported. The ticket is the one from `kinit`.
 */
import { CaError, isError, UsageError } from '../../errors.ts'
import type { Credentials } from './connection.ts'

/** The part of the package that is used here. */
export interface Kerberos {
  readonly GSS_MECH_OID_SPNEGO: number
  initializeClient(service: string, options: object): Promise<{ step(challenge: string): Promise<string> }>
}

/** Typed as `string` so that the type checker does not look for the package, which need not be there. */
const PACKAGE: string = 'kerberos'

async function load(): Promise<Kerberos> {
  try {
    const loaded = (await import(PACKAGE)) as Kerberos & { readonly default?: Kerberos }
    return loaded.default ?? loaded
  } catch (cause) {
    const message = 'Negotiate needs the package kerberos, which cannot be loaded here: npm install kerberos.'
    throw new UsageError('ERR_USAGE', `${message} Or log in with a user name and a password.`, { cause })
  }
}

/** Logs in with the user's Kerberos ticket on this computer. @throws UsageError ERR_USAGE if the package is missing */
export async function negotiate(kerberos?: Kerberos): Promise<Credentials> {
  const { initializeClient, GSS_MECH_OID_SPNEGO: mechOID } = kerberos ?? (await load())
  return {
    async authorize(host) {
      try {
        const client = await initializeClient(`HTTP@${host}`, { mechOID })
        return `Negotiate ${await client.step('')}`
      } catch (cause) {
        const why = isError(cause) ? cause.message.replace(/\.$/, '') : 'unknown reason'
        const message = `There is no Kerberos ticket for the CA at ${host}: ${why}. Get one (kinit), and check the name of the host.`
        throw new CaError('ERR_CA_LOGIN', message, { cause })
      }
    },
  }
}
