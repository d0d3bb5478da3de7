// Which requests the page's server answers. It listens on loopback, where other programs, other users and any web page
// that the same browser shows reach it too: each check keeps one of them out.
import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { FORM_TYPE } from './shown.ts'

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export interface Refusal {
  readonly status: number
  /** In one word, for the page and for tests. */
  readonly why: string
}

const isApi = ({ path }: Request): boolean => path.startsWith('/api/')
const isPlainGet = ({ method }: Request): boolean => method === 'GET'

interface Check extends Refusal {
  readonly passes: (request: Request, port: number) => boolean
}

const CHECKS: readonly Check[] = [
  // A name of somebody else's that leads here (DNS rebinding).
  { status: 421, why: 'host', passes: ({ headers }, port) => hostsOf(port).includes(headers.host ?? '') },
  { status: 405, why: 'method', passes: ({ method }) => method === 'GET' || method === 'POST' },
  {
    // A page of another origin, as the browser states it.
    status: 403,
    why: 'origin',
    passes: (request) => {
      const { origin, host } = request.headers
      return origin === undefined ? isPlainGet(request) : origin === `http://${host}`
    },
  },
  {
    // The same, also where a plain GET carries no Origin: another port of this host is the same site, and not this page.
    status: 403,
    why: 'fetch-site',
    passes: (request) =>
      (isPlainGet(request) && !isApi(request)) || request.headers['sec-fetch-site'] === 'same-origin',
  },
  {
    // No form and no script of another origin can send this type without asking first.
    status: 415,
    why: 'type',
    passes: (request) => isPlainGet(request) || request.headers['content-type'] === FORM_TYPE,
  },
]

export const hostsOf = (port: number): readonly string[] => [`127.0.0.1:${port}`, `localhost:${port}`]

export function refusalOf(request: Request, port: number): Refusal | undefined {
  const failed = CHECKS.find(({ passes }) => !passes(request, port))
  return failed && { status: failed.status, why: failed.why }
}

/** Whether two secrets are the same, in a time that does not depend on where they differ. */
export function sameSecret(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The page may load what comes from here and nothing else, runs no code in its text, and is in no frame. */
export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
    ...["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"],
  ].join('; '),
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), usb=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}
