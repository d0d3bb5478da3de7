// Certificates and requests as JSON, and as PEM that goes where it is asked for.
import { describeCertificate } from '../enroll/describe.ts'
import type { Context } from './context.ts'
import { writeOutput } from './files.ts'
import type { Json } from './output.ts'

/** RFC 7468. */
export const pemOf = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`

/** The JSON of a certificate. */
export function certificateJson(der: Uint8Array) {
  const { notBefore, notAfter, ...facts } = describeCertificate(der)
  return { ...facts, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() }
}

/** Sends PEM to the file that `-o` names, or else to standard output; in JSON it is `member`. */
export async function sendPem(
  { options, out }: Context,
  facts: { readonly [name: string]: Json | undefined },
  member: string,
  pem: string,
): Promise<void> {
  const path = options.out === '-' ? undefined : options.out
  if (path !== undefined) await writeOutput(path, pem)
  const json = path === undefined ? { ...facts, [member]: pem } : { ...facts, out: path }
  if (out.mode.json || path === undefined) await out.result(json, pem)
}
