// Which CA a command is about, and how the user logs in there.

import type { Agent } from 'node:https'
import type { CaProtocol } from '../enroll/protocol.ts'
import type { Credentials } from '../enroll/protocols/connection.ts'
import { LONGEST_FILE, readCertificates } from '../enroll/read.ts'
import { type RememberedCa, rememberCa } from '../enroll/remembered-ca.ts'
import { CardError, isError, UsageError } from '../errors.ts'
import { pemOf } from '../x509/pem.ts'
import { type Context, given } from './context.ts'
import { readWhole } from './files.ts'
import { TEXT } from './messages.ts'
import type { Options } from './options.ts'
import { standing } from './secrets.ts'

export interface ChosenCa {
  readonly ca: CaProtocol
  /** Certificates (DER) of --ca-file. */
  readonly trust: readonly Uint8Array[] | undefined
}

/** One CA, and at most one way to log in there. @throws UsageError ERR_USAGE */
export function caUrl({ est, certsrv, user, negotiate, byCertificate, agent }: Options): string {
  const { enrollment } = TEXT
  if (agent !== undefined && est !== undefined && (user !== undefined || negotiate || byCertificate))
    throw new UsageError('ERR_USAGE', enrollment.agentLogsIn)
  if ([user !== undefined, negotiate, byCertificate].filter(Boolean).length > 1)
    throw new UsageError('ERR_USAGE', enrollment.oneLogin)
  if (est !== undefined && certsrv !== undefined) throw new UsageError('ERR_USAGE', enrollment.oneCa)
  const url = est ?? certsrv
  if (url === undefined) throw new UsageError('ERR_USAGE', enrollment.whichCa)
  return url
}

export interface CaWishes {
  /** Logs in by TLS, with a certificate. */
  readonly agent?: Agent | undefined
  /** Other options than those of the command line. */
  readonly options?: Options
  /** Certificates to trust without --ca-file. */
  readonly known?: readonly Uint8Array[] | undefined
}

/** @throws as caUrl; CardError ERR_DATA for a malformed CA file */
export async function chosenCa(
  context: Context,
  { agent, options = context.options, known }: CaWishes = {},
): Promise<ChosenCa> {
  const { est, caFile } = options
  const url = caUrl(options)
  const trust = caFile === undefined ? known : await certificatesIn(context, caFile, '--ca-file')
  const pem = trust?.map(pemOf).join('')
  const login = agent === undefined ? await credentials(context, options) : { agent }
  const address = { url, ...given({ ca: pem, credentials: login }) }
  // Loaded only here, because they load the HTTPS client.
  const ca =
    est === undefined
      ? (await import('../enroll/protocols/certsrv.ts')).certsrvProtocol(address)
      : (await import('../enroll/protocols/est.ts')).estProtocol(address)
  return { ca, trust }
}

/** What is remembered of a CA, as options. A login given on this command line takes precedence. */
export function optionsOf({ protocol, url, template, login, user }: RememberedCa, said: Options): Options {
  const logins = {
    none: {},
    password: given({ user }),
    negotiate: { negotiate: true },
    certificate: { byCertificate: true },
  } as const
  const logsIn = said.user !== undefined || said.negotiate || said.byCertificate
  return { ...said, [protocol]: url, ...given({ template: said.template ?? template }), ...(!logsIn && logins[login]) }
}

/**
 * Remembers the CA of a certificate for its renewal. The certificate is on the card by now: a failure is a warning.
 * @param card its id
 */
export async function remember(
  { out }: Context,
  card: string,
  slot: string,
  { options, trust }: { readonly options: Options; readonly trust: readonly Uint8Array[] | undefined },
): Promise<void> {
  const { notRemembered, doesNotFit } = TEXT.enrollment
  try {
    if (await rememberCa(card, slot, caToRemember(options, trust))) return
    await out.warn(notRemembered(slot, doesNotFit))
  } catch (error) {
    await out.warn(notRemembered(slot, isError(error) ? error.message : String(error)))
  }
}

/** What to remember of the CA that was used. */
function caToRemember(said: Options, trust: readonly Uint8Array[] | undefined): RememberedCa {
  const { est, template, user, negotiate, byCertificate } = said
  return {
    protocol: est === undefined ? 'certsrv' : 'est',
    url: caUrl(said),
    login: byCertificate ? 'certificate' : negotiate ? 'negotiate' : user === undefined ? 'none' : 'password',
    ...given({ template, user, trust: trust && [...trust] }),
  }
}

/** Each in DER. @throws CardError ERR_DATA, which names the file */
export async function certificatesIn(context: Context, path: string, what: string): Promise<Uint8Array[]> {
  const content = await readWhole(context, path, what, LONGEST_FILE)
  try {
    return readCertificates(content)
  } catch (cause) {
    if (!(cause instanceof CardError) || cause.code !== 'ERR_DATA') throw cause
    throw new CardError('ERR_DATA', `${path === '-' ? what : path}: ${cause.message}`, { cause })
  }
}

async function credentials(context: Context, options: Options): Promise<Credentials | undefined> {
  const { user, passwordFile, negotiate } = options
  const { enrollment } = TEXT
  if (negotiate) return (await import('../enroll/protocols/negotiate.ts')).negotiate()
  if (user === undefined) return undefined
  const [what, option] = [enrollment.passwordWhat, '--password-file']
  const { secrets } = context
  const password = standing(secrets, () =>
    passwordFile === undefined
      ? secrets.prompt({ what, prompt: enrollment.password(user), option })
      : secrets.fromFile(passwordFile, option, what),
  )
  // Asked for now, before any work that would need it.
  await password()
  return { user, password }
}
