// Which CA a command is about, and who asks it.

import type { Agent } from 'node:https'
import type { CaProtocol } from '../enroll/protocol.ts'
import type { Credentials } from '../enroll/protocols/connection.ts'
import { LONGEST_FILE, readCertificates } from '../enroll/read.ts'
import { UsageError } from '../errors.ts'
import { type Context, given } from './context.ts'
import { readWhole } from './files.ts'
import { TEXT } from './messages.ts'

export interface ChosenCa {
  readonly ca: CaProtocol
  /** Certificates (DER) of --ca-file. */
  readonly trust: readonly Uint8Array[] | undefined
}

/** `agent`: proves who asks by TLS. @throws UsageError ERR_USAGE; CardError ERR_DATA for a CA file that is none */
export async function chosenCa(context: Context, agent?: Agent): Promise<ChosenCa> {
  const { est, certsrv, caFile } = context.options
  const { enrollment } = TEXT
  const { user, negotiate, byCertificate } = context.options
  if ([user !== undefined, negotiate, byCertificate].filter(Boolean).length > 1)
    throw new UsageError('ERR_USAGE', enrollment.oneLogin)
  if (est !== undefined && certsrv !== undefined) throw new UsageError('ERR_USAGE', enrollment.oneCa)
  const url = est ?? certsrv
  if (url === undefined) throw new UsageError('ERR_USAGE', enrollment.whichCa)
  const file = caFile === undefined ? undefined : await readWhole(context, caFile, '--ca-file', LONGEST_FILE)
  const trust = file && readCertificates(file)
  const pem = trust?.map(pemOf).join('')
  const address = {
    url,
    ...given({ ca: pem, credentials: agent === undefined ? await credentials(context) : { agent } }),
  }
  // Loaded only here: they bring the client for HTTPS.
  const ca =
    est === undefined
      ? (await import('../enroll/protocols/certsrv.ts')).certsrvProtocol(address)
      : (await import('../enroll/protocols/est.ts')).estProtocol(address)
  return { ca, trust }
}

const pemOf = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`

async function credentials(context: Context): Promise<Credentials | undefined> {
  const { user, passwordFile, negotiate } = context.options
  const { enrollment } = TEXT
  if (negotiate) return (await import('../enroll/protocols/negotiate.ts')).negotiate()
  if (user === undefined) return undefined
  const [what, option] = [enrollment.passwordWhat, '--password-file']
  const password =
    passwordFile === undefined
      ? await context.secrets.prompt({ what, prompt: enrollment.password(user), option })
      : await context.secrets.fromFile(passwordFile, option, what)
  return { user, password }
}
