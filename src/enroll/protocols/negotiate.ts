/**
 * Negotiate (RFC 4559) by the package `kerberos`, which is not among the dependencies: it is loaded when somebody wants
 * it, and has to be installed beside. One round a call, which is what Kerberos needs; NTLM, which needs more, is not
 * spoken. The ticket is the one that `kinit` got.
 */
import { CaError, isError, UsageError } from '../../errors.ts'
import type { Credentials } from './connection.ts'

/** What is used of the package. */
export interface Kerberos {
  readonly GSS_MECH_OID_SPNEGO: number
  initializeClient(service: string, options: object): Promise<{ step(challenge: string): Promise<string> }>
}

/** Not a word for the type checker: the package need not be there. */
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

/** Logs in as whoever has a Kerberos ticket on this machine. @throws UsageError ERR_USAGE where the package is missing */
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
