// Web enrolment like that of Microsoft's AD CS at /certsrv, as far as published clients use it: docs/lab-ca.md.
import { ifWellFormed } from '../../iso7816/tlv.ts'
import { writeCertsOnly } from '../../x509/certs-only.ts'
import { EXTENSIONS } from '../../x509/extensions.ts'
import { writePem } from '../../x509/pem.ts'
import { isSignedData } from '../../x509/signed-data.ts'
import type { Intake } from '../intake.ts'
import { Refusal } from '../notice.ts'
import { openEnvelope } from '../on-behalf.ts'
import { templateIn } from '../policy.ts'
import type { User } from '../records.ts'
import type { Entry } from '../registration-authority.ts'
import { readRequest } from '../request.ts'
import { findTemplate, type TemplateName } from '../templates.ts'
import { readForm, requestAttributes, requestIn } from './form.ts'
import type { Answer, Call } from './http.ts'
import type { Login } from './login.ts'
import { certificatePage, deniedPage, fetchErrorPage, homePage, issuedPage, pendingPage } from './pages.ts'

const ROOT = '/certsrv/'

/** Answers to a fetch without a certificate: disposition and status. */
const DISPOSITIONS = {
  pending: ['5 - (under submission)', 'The operation completed successfully. 0x0 (WIN32: 0)'],
  denied: [
    '2 - (denied)',
    'The request was denied by a certificate manager or CA administrator. 0x80094014 (-2146877420 CERTSRV_E_ADMIN_DENIED_REQUEST)',
  ],
  revoked: ['6 - (revoked)', 'The certificate is revoked. 0x80092010 (-2146885616 CRYPT_E_REVOKED)'],
  unknown: ['1 - (error)', 'The parameter is incorrect. 0x80070057 (WIN32: 87 ERROR_INVALID_PARAMETER)'],
} as const

export interface Certsrv {
  readonly intake: Intake
  readonly login: Login
}

type Page = (certsrv: Certsrv, call: Call, user: User) => Promise<Answer>

/** By names from clients. A Map, because an object would also find the names that every object has. */
const PAGES = new Map<string, { readonly method: 'GET' | 'POST'; readonly run: Page }>([
  ['', { method: 'GET', run: async () => homePage() }],
  ['default.asp', { method: 'GET', run: async () => homePage() }],
  ['certcarc.asp', { method: 'GET', run: async () => certificatePage() }],
  ['certfnsh.asp', { method: 'POST', run: finish }],
  ['certnew.cer', { method: 'GET', run: (certsrv, call, user) => fetchNew(certsrv, call, user, asCertificate) }],
  ['certnew.p7b', { method: 'GET', run: (certsrv, call, user) => fetchNew(certsrv, call, user, asChain) }],
  [
    'certcrl.crl',
    {
      method: 'GET',
      run: async ({ intake }, call) => file(call, 'X509 CRL', 'application/pkix-crl', await intake.registration.crl()),
    },
  ],
])

/** The answer to a call of web enrolment; undefined for other paths. @throws Refusal */
export async function certsrv(parts: Certsrv, call: Call): Promise<Answer | undefined> {
  const path = call.path.toLowerCase()
  if (path !== ROOT.slice(0, -1) && !path.startsWith(ROOT)) return undefined
  const found = PAGES.get(path.slice(ROOT.length))
  if (found === undefined) throw new Refusal(404, 'There is no such page in this web enrolment.')
  if (call.method !== found.method) throw new Refusal(405, `This page is asked for by ${found.method}.`)
  // Every page requires a login, as on real servers; a certificate is no login here.
  const user = await parts.login.user(call, { certificate: false })
  return found.run(parts, call, user)
}

async function finish({ intake }: Certsrv, call: Call, login: User): Promise<Answer> {
  const form = readForm(await call.body(['application/x-www-form-urlencoded']))
  if (form.get('mode')?.toLowerCase() === 'chkpnd')
    return pageOf(await ownEntry(intake, form.get('reqid') ?? '', login))
  if (form.get('mode')?.toLowerCase() !== 'newreq') throw new Refusal(400, 'The field Mode has to be newreq or chkpnd.')
  try {
    const handedIn = requestIn(form.get('certrequest') ?? '')
    const onBehalf = isSignedData(handedIn) ? await openEnvelope(intake.registration, handedIn) : undefined
    const { user, request } = onBehalf ?? { user: login, request: handedIn }
    const attributes = requestAttributes(form.get('certattrib') ?? '')
    const template = templateOf(request, attributes.get('certificatetemplate'))
    const objection = attributes.has('san')
      ? 'Names are taken from the request, not from the attribute SAN.'
      : undefined
    const more = { ...(onBehalf && { by: login }), ...(objection !== undefined && { objection }) }
    return pageOf(await intake.submit({ user, template, request, ...more }))
  } catch (error) {
    // A malformed request gets no number.
    if (error instanceof Refusal && error.status < 429) return deniedPage(0, error.message)
    throw error
  }
}

/** The template of the attribute, else that of the request itself. @throws Refusal */
function templateOf(request: Uint8Array, attribute: string | undefined): TemplateName {
  const named = attribute ?? undefined
  const found = named === undefined ? templateInside(request) : findTemplate(named)
  if (found !== undefined) return found
  throw new Refusal(
    403,
    named === undefined
      ? 'The request contains no certificate template information. 0x80094801 (-2146875391 CERTSRV_E_NO_CERT_TYPE)'
      : `The request was for a certificate template that is not supported by this laboratory CA: ${named.slice(0, 64)}. 0x80094800 (-2146875392 CERTSRV_E_UNSUPPORTED_CERT_TYPE)`,
  )
}

function templateInside(request: Uint8Array): TemplateName | undefined {
  const extension = readRequest(request).extensions.find(({ id }) => id === EXTENSIONS.template)
  return extension && ifWellFormed(() => templateIn(extension.value))
}

/** A request of the user, or one that the user handed in. For requests of others the answer does not reveal that they exist. */
async function ownEntry({ registration }: Intake, id: string, user: User): Promise<Entry | undefined> {
  const known = /^[1-9][0-9]{0,8}$/.test(id) && (await registration.directory.request(Number(id))) !== undefined
  const entry = known ? await registration.entry(Number(id)) : undefined
  return entry?.user === user.name || entry?.by === user.name ? entry : undefined
}

function pageOf(entry: Entry | undefined): Answer {
  if (entry === undefined) return fetchError('unknown', 'There is no such request.')
  if (entry.state === 'pending') return pendingPage(entry.id)
  if (entry.state === 'issued') return issuedPage(entry.id)
  return deniedPage(entry.id, entry.reason ?? 'The certificate was issued, and then revoked.')
}

type Form = (call: Call, certificates: readonly Uint8Array[]) => Answer

async function fetchNew({ intake }: Certsrv, call: Call, user: User, form: Form): Promise<Answer> {
  const authority = intake.registration.authority.certificate
  const id = call.query.get('ReqID') ?? ''
  if (id === 'CACert') return form(call, [authority])
  const entry = await ownEntry(intake, id, user)
  if (entry?.state === 'issued' && entry.certificate !== undefined) return form(call, [entry.certificate, authority])
  if (entry?.state === 'pending') return fetchError('pending', 'Taken Under Submission')
  if (entry === undefined) return fetchError('unknown', 'There is no such request.')
  if (entry.state === 'revoked') return fetchError('revoked', 'Revoked by the administrator of the laboratory CA')
  return fetchError('denied', `Denied by the laboratory CA: ${entry.reason}`)
}

function fetchError(what: keyof typeof DISPOSITIONS, message: string): Answer {
  const [disposition, status] = DISPOSITIONS[what]
  return fetchErrorPage(disposition, message, status)
}

const asCertificate: Form = (call, [certificate = new Uint8Array(0)]) =>
  file(call, 'CERTIFICATE', 'application/pkix-cert', certificate)

/** Real servers label a chain in base64 as a certificate too. */
const asChain: Form = (call, certificates) =>
  file(call, 'CERTIFICATE', 'application/x-pkcs7-certificates', writeCertsOnly(certificates))

/** `Enc=bin` is DER; otherwise base64 between lines, with the line ends of Windows. */
function file(call: Call, label: string, type: string, octets: Uint8Array): Answer {
  const what = call.path.split('/').at(-1) ?? ''
  if (call.query.get('Enc') === 'bin') return { status: 200, type, body: octets, what }
  return { status: 200, type, body: writePem(label, octets, '\r\n'), what }
}
