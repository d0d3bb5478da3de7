/**
 * Web enrolment of Microsoft's AD CS (/certsrv), as published clients use it. Its pages are for people, so little of
 * them is parsed, and anything unexpected is an error. A lost answer cannot be recovered: each POST makes another request,
 * and certckpn.asp lists only those whose numbers the browser sends along in a cookie.
 */
import { X509Certificate } from 'node:crypto'
import { CaError, UsageError } from '../../errors.ts'
import { writePem } from '../../x509/pem.ts'
import type { CaAnswer, CallOptions, CaProtocol, SubmitOptions } from '../protocol.ts'
import { isTemplateName } from '../template-name.ts'
import { certificatesIn, issuedFor, publicKeyOf, refusal } from './answers.ts'
import { type Page, readFetched, readRenewals, readSubmitted } from './certsrv-page.ts'
import { type CaAddress, type CaCall, type CaResponse, Connection } from './connection.ts'

/** AD CS answers with other content types unless it recognises a browser. */
const HEADERS = { 'User-Agent': 'Mozilla/5.0 (compatible; tessera)' }
const WHAT = 'web enrolment (/certsrv)'

/**
 * A CA with web enrolment. `url`: its address, alone or with `/certsrv`.
 * @throws UsageError ERR_USAGE for a malformed address
 */
export function certsrvProtocol(options: CaAddress): CaProtocol {
  const connection = new Connection(options)
  const root = `${connection.address.pathname.replace(/\/+$/, '').replace(/\/certsrv$/i, '')}/certsrv`

  async function call(
    page: string,
    signal: AbortSignal | undefined,
    details: Partial<CaCall> = {},
  ): Promise<CaResponse> {
    const headers = { ...HEADERS, ...details.headers }
    const response = await connection.call({ method: 'GET', path: `${root}/${page}`, ...details, headers, signal })
    if (response.status !== 200) throw refusal(connection, response, WHAT)
    return response
  }

  /** The certificate of a request, and the chain that the CA has for it. */
  async function collect(id: string, request: Uint8Array, signal: AbortSignal | undefined): Promise<CaAnswer> {
    const key = publicKeyOf(request)
    const response = await call(`certnew.cer?ReqID=${id}&Enc=bin`, signal)
    const certificate = certificateIn(response)
    if (certificate === undefined) return answerTo(readFetched(textOf(response), id), `request ${id}`)
    const { chain } = issuedFor(connection, key, [certificate, ...(await chainOf(id, signal))])
    return { certificate, chain: chain.filter((one) => Buffer.compare(one, certificate) !== 0) }
  }

  async function chainOf(id: string, signal: AbortSignal | undefined): Promise<Uint8Array[]> {
    const response = await call(`certnew.p7b?ReqID=${id}&Enc=bin`, signal)
    return certificatesIn(connection, response.body)
  }

  /** The answer in a page without a certificate. `which`: the number of the request, if it is known. */
  function answerTo(page: Page, which = 'the request'): CaAnswer {
    if (page.kind === 'pending') return { pending: { id: page.id } }
    if (page.kind !== 'denied') throw connection.answer('Tessera does not know this page')
    const words = page.words === '' ? 'it does not say why' : `"${page.words}"`
    const said = page.words === '' ? {} : { words: page.words }
    const message = `The CA at ${connection.address.host} refused ${which}: ${words}.`
    return { denied: new CaError('ERR_CA_REFUSED', message, said) }
  }

  return {
    name: `web enrolment ${connection.address.origin}${root}`,

    async cacerts({ signal } = {}) {
      const renewals = readRenewals(textOf(await call('certcarc.asp', signal)))
      const response = await call(`certnew.p7b?ReqID=CACert&Renewal=${renewals}&Enc=bin`, signal)
      return certificatesIn(connection, response.body)
    },

    async submit(request, { template, signed, signal, sending, unaccepted, taken }: SubmitOptions = {}) {
      publicKeyOf(request)
      const form = {
        Mode: 'newreq',
        CertRequest: writePem('CERTIFICATE REQUEST', signed ?? request),
        CertAttrib: template === undefined ? '' : `CertificateTemplate:${checkTemplate(template)}\r\n`,
        FriendlyType: 'Saved-Request Certificate',
        TargetStoreFlags: '0',
        SaveCert: 'yes',
      }
      const response = await call('certfnsh.asp', signal, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
        sending,
        unaccepted,
      })
      const page = readSubmitted(textOf(response))
      // Submitting it again would make another request, so its number is stored first, whatever comes next.
      if (page.kind === 'issued' || page.kind === 'pending') await taken?.({ id: page.id })
      return page.kind === 'issued' ? collect(page.id, request, signal) : answerTo(page)
    },

    async fetch({ id }, request, { signal }: CallOptions = {}) {
      if (/^[1-9][0-9]{0,9}$/.test(id)) return collect(id, request, signal)
      throw new UsageError('ERR_USAGE', 'A CA with web enrolment numbers its requests, and this is not a number.')
    },
  }
}

/** It goes into a list of lines, one attribute each. */
function checkTemplate(name: string): string {
  if (isTemplateName(name)) return name
  throw new UsageError('ERR_USAGE', 'The name of a template has letters, digits, spaces, and at most 64 characters.')
}

const textOf = ({ type, body }: CaResponse): string => (type === 'text/html' ? new TextDecoder().decode(body) : '')

/**
 * The certificate (DER) in an answer, whatever its content type says: some servers label certificates as HTML.
 * Undefined if it is a page.
 */
function certificateIn({ body }: CaResponse): Uint8Array | undefined {
  const text = Buffer.from(body.subarray(0, 64)).toString('latin1').trimStart()
  if (body[0] !== 0x30 && !text.startsWith('-----BEGIN CERTIFICATE-----')) return undefined
  try {
    return Uint8Array.from(new X509Certificate(body).raw)
  } catch {
    return undefined
  }
}
