// The CA of a lab, and the user that it knows.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { utf8 } from '../bytes.ts'
import { type Est, estProtocol } from '../enroll/index.ts'
import { type LabCa, startLabCa } from '../lab-ca/server/server.ts'
import { putUser } from '../lab-ca/users.ts'

export interface LabCertificateAuthority {
  /** `https://127.0.0.1:PORT`: EST and web enrolment (`/certsrv`). */
  readonly url: string
  /** Of the list of revoked certificates. */
  readonly crl: string
  /** PEM, for clients to trust. */
  readonly certificate: string
  readonly certificateFile: string
  /** Who may ask for certificates. */
  readonly user: { readonly name: string; readonly password: string; readonly upn: string }
}

export interface RunningAuthority {
  readonly facts: LabCertificateAuthority
  readonly est: Est
  close(): Promise<void>
}

const NAME = 'maria'

export async function startAuthority(directory: string, log: (line: string) => void): Promise<RunningAuthority> {
  const ca: LabCa = await startLabCa({ directory, port: 0, crlPort: 0, log })
  try {
    const password = randomBytes(12).toString('base64url')
    const { upn } = await putUser(ca.directory, { name: NAME, password: utf8(password) })
    const { url, crl, certificateFile } = ca
    const certificate = readFileSync(certificateFile, 'utf8')
    const est = estProtocol({ url, ca: certificate, credentials: { user: NAME, password: utf8(password) } })
    return {
      facts: { url, crl, certificate, certificateFile, user: { name: NAME, password, upn } },
      est,
      close: () => ca.close(),
    }
  } catch (error) {
    await ca.close()
    throw error
  }
}
