// Fields of the forms of web enrolment.
import { fromBase64 } from '../../bytes.ts'
import { Refusal } from '../notice.ts'

/** Fields by their names in lower case. @throws Refusal 400 for a repeated field, and for too many */
export function readForm(body: Uint8Array): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(Buffer.from(body).toString('latin1'))) {
    if (fields.has(name.toLowerCase())) throw new Refusal(400, 'A field of the form is there twice.')
    fields.set(name.toLowerCase(), value)
    if (fields.size > 32) throw new Refusal(400, 'The form has more than 32 fields.')
  }
  return fields
}

/** The request in the field CertRequest: base64, with or without the PEM lines around it. @throws Refusal 400 */
export function requestIn(field: string): Uint8Array {
  const around = /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----([\s\S]*)-----END (NEW )?CERTIFICATE REQUEST-----\s*$/
  const octets = fromBase64((around.exec(field)?.[2] ?? field).replace(/\s/g, ''))
  if (octets?.length) return octets
  throw new Refusal(400, 'Error Parsing Request: the field CertRequest holds no certificate request in base 64.')
}

/** The field CertAttrib: `Name:value` lines; names in lower case. Other lines are ignored, as in AD CS. */
export function requestAttributes(field: string): ReadonlyMap<string, string> {
  const lines = field.split(/\r?\n/).map((line) => /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line))
  return new Map(lines.flatMap((line) => (line === null ? [] : [[(line[1] ?? '').toLowerCase(), line[2] ?? '']])))
}
