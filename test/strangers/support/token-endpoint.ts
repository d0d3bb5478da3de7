// A provider of tokens for one client, which proves itself by a JWT of its key (OpenID Connect Core 1.0, section 9:
// private_key_jwt; RFC 7523, section 3). It checks the signature by itself.
import { generateKeyPairSync, type KeyObject, randomUUID, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { newIssuer } from './issuer.ts'

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface TokenEndpoint {
  readonly issuer: string
  /** Whom to trust for TLS. */
  readonly caFile: string
  /** What the client gets. */
  readonly token: string
  stop(): Promise<void>
}

interface Claims {
  readonly iss?: string
  readonly sub?: string
  readonly aud?: string | readonly string[]
  readonly exp?: number
  readonly jti?: string
}

/** @param publicKey the client's, P-256 */
export async function startTokenEndpoint(clientId: string, publicKey: KeyObject): Promise<TokenEndpoint> {
  const authority = await newIssuer()
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = await authority.certifyServer(own.publicKey)
  const token = randomUUID()
  const used = new Set<string>()
  let issuer = ''

  function proven(body: URLSearchParams): boolean {
    const assertion = body.get('client_assertion') ?? ''
    const [header = '', payload = '', signature = ''] = assertion.split('.')
    const { alg } = parse(header) as { alg?: string }
    const { iss, sub, aud, exp = 0, jti = '' } = parse(payload) as Claims
    const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
    const signed = verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
    const fits = iss === clientId && sub === clientId && [aud].flat().includes(issuer) && exp * 1000 > Date.now()
    const fresh = jti !== '' && !used.has(jti)
    used.add(jti)
    return body.get('client_assertion_type') === TYPE && alg === 'ES256' && signed && fits && fresh
  }

  const server = createServer({
    key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: certificate.toString(),
  })
  server.on('request', async (request, response) => {
    const answer = (status: number, value: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (request.url === '/.well-known/openid-configuration') {
      return answer(200, { issuer, token_endpoint: `${issuer}/token` })
    }
    const body = new URLSearchParams(await text(request))
    if (body.get('grant_type') !== 'client_credentials') return answer(400, { error: 'unsupported_grant_type' })
    if (!proven(body)) return answer(401, { error: 'invalid_client' })
    answer(200, { access_token: token, token_type: 'bearer', expires_in: 60 })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    caFile: authority.path,
    token,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const parse = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
