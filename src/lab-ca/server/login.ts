// Login of a user: by name and password (HTTP Basic, RFC 7617), or by a certificate that this CA issued.

import { Refusal } from '../notice.ts'
import type { User } from '../records.ts'
import type { RegistrationAuthority } from '../registration-authority.ts'
import type { PasswordCheck } from '../users.ts'
import type { Call } from './http.ts'

export const REALM = 'Laboratory CA'

/** No login, or a wrong one: the answer asks for a login. */
export class LoginNeeded extends Refusal {
  override name = 'LoginNeeded'

  constructor(words: string) {
    super(401, words)
  }
}

export class Login {
  readonly #registration: RegistrationAuthority
  readonly #passwords: PasswordCheck

  constructor(registration: RegistrationAuthority, passwords: PasswordCheck) {
    this.#registration = registration
    this.#passwords = passwords
  }

  /** By password; without one, by certificate if `certificate` allows it. @throws LoginNeeded; Refusal 503 */
  async user(call: Call, { certificate }: { readonly certificate: boolean }): Promise<User> {
    const credentials = call.headers.authorization
    if (credentials !== undefined) return this.#byPassword(credentials)
    const holder =
      certificate && call.clientCertificate ? await this.#registration.holder(call.clientCertificate) : undefined
    if (holder !== undefined) return holder
    throw new LoginNeeded('A user name and password are needed. Add a user: tessera lab-ca user add NAME.')
  }

  /** The enrolment agent who logs in by certificate. */
  async agent({ headers, clientCertificate }: Call): Promise<User | undefined> {
    if (headers.authorization !== undefined || clientCertificate === undefined) return undefined
    return this.#registration.agent(clientCertificate)
  }

  async #byPassword(credentials: string): Promise<User> {
    const [, encoded = ''] = /^Basic +([A-Za-z0-9+/]{1,400}={0,2})$/i.exec(credentials) ?? []
    const [name, ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
    const user =
      name === undefined || encoded === '' ? undefined : await this.#passwords.check(name, password.join(':'))
    if (user === undefined) throw new LoginNeeded('The user name or the password is wrong.')
    return user
  }
}
