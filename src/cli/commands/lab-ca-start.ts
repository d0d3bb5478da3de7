import { isIPv6 } from 'node:net'
import { UsageError } from '../../errors.ts'
import { CURVES, type Curve } from '../../lab-ca/root.ts'
import { startLabCa } from '../../lab-ca/server/server.ts'
import { parseAlgorithm } from '../../piv/algorithms.ts'
import { type Context, given, type Run } from '../context.ts'
import { caDirectory } from '../lab-ca.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context) => {
  const { options, out, signal } = context
  const { host, port } = address(options.listen ?? '127.0.0.1:8443')
  const crlPort = options.crlPort ?? (port === 0 ? 0 : port + 1)
  const names = options.serverNames?.split(',').map((name) => name.trim())
  const chosen = given({ names, curve: curve(options.algorithm), pending: options.pending, days: options.days })
  const log = (line: string) => void out.note(line)
  const ca = await startLabCa({ directory: caDirectory(context), host, port, crlPort, log, ...chosen })
  try {
    const { url, crl, certificateFile } = ca
    const pending = options.pending === true
    const facts = { url, est: `${url}/.well-known/est`, certsrv: `${url}/certsrv`, crl, certificate: certificateFile }
    const words = [TEXT.labCa.running(url, certificateFile), TEXT.labCa.revocations(crl)]
    await out.result({ ...facts, pending }, [...words, pending ? TEXT.labCa.pending : TEXT.labCa.atOnce].join('\n'))
    if (!loopback(host)) await out.warn(TEXT.warn.labCaOpen(host))
    await stopped(context)
    signal.throwIfAborted()
  } finally {
    await ca.close()
  }
}

function stopped({ signal }: Context): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

const loopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

function address(text: string): { readonly host: string; readonly port: number } {
  const [, inBrackets, plain, digits = ''] = /^(?:\[([^\]]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? []
  const host = inBrackets ?? plain
  const port = Number(digits)
  if (host !== undefined && port <= 65_534 && (inBrackets === undefined || isIPv6(inBrackets))) return { host, port }
  throw new UsageError('ERR_USAGE', TEXT.error.listen(text))
}

function curve(name: string | undefined): Curve | undefined {
  const algorithm = name === undefined ? undefined : parseAlgorithm(name)
  if (algorithm === undefined || algorithm in CURVES) return algorithm as Curve | undefined
  throw new UsageError('ERR_USAGE', TEXT.error.caCurve)
}
