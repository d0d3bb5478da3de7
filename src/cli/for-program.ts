// --for as options: the kind of key, purposes and names that work in a program. enroll/programs.ts says why.
import { UsageError } from '../errors.ts'
import type { Purpose } from '../x509/purposes.ts'
import { TEXT } from './messages.ts'
import type { Options } from './options.ts'

interface Kind {
  /** Missing where every kind of key works. */
  readonly algorithm?: 'RSA-2048'
  readonly purposes: readonly Purpose[]
  /** One of these names is required. */
  readonly names: ReadonlyArray<'upn' | 'principal' | 'email'>
}

/** Windows accepts elliptic curves only by a policy, and MIT Kerberos only from 1.22 on. */
const KINDS = {
  kerberos: { algorithm: 'RSA-2048', purposes: ['kerberos-client', 'client-authentication'], names: ['principal'] },
  windows: { algorithm: 'RSA-2048', purposes: ['smart-card-logon', 'client-authentication'], names: ['upn'] },
  tls: { purposes: ['client-authentication'], names: [] },
  ssh: { purposes: ['client-authentication'], names: [] },
  mail: { algorithm: 'RSA-2048', purposes: ['email-protection'], names: ['email'] },
} as const satisfies Record<string, Kind>

/** The options, completed by what --for implies. @throws UsageError ERR_USAGE for a missing name */
export function forProgram(said: Options): Options {
  if (said.for === undefined) return said
  const { algorithm, purposes, names }: Kind = KINDS[said.for]
  // A renewal keeps the names of the old certificate, and its key unless another is requested.
  const missing = said.renew ? undefined : names.find((name) => said[name] === undefined)
  if (missing !== undefined) throw new UsageError('ERR_USAGE', TEXT.enrollment.forWants(said.for, `--${missing}`))
  const wanted = said.algorithm ?? algorithm
  return {
    ...said,
    ...(said.key !== 'existing' && wanted !== undefined && { algorithm: wanted }),
    purposes: said.purposes ?? purposes.join(','),
  }
}
