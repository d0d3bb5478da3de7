// Users of the CA and their passwords.
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { secretBytes, wipe } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import { writeAlternativeNames, writeSecurityIdentifier } from '../x509/alternative-names.ts'
import type { Directory } from './directory.ts'
import { Refusal } from './notice.ts'
import { USER_NAME, type User } from './records.ts'

/** scrypt with 16 MiB and some 40 ms: enough for a laboratory. RFC 7914; N = 2^14, r = 8, p = 1. */
const COST = 2 ** 14
const BLOCK = 8
/** Checks that run at once, and checks that may wait: each takes 16 MiB. */
const AT_ONCE = 2
const MOST_WAITING = 32

export interface NewUser {
  readonly name: string
  readonly password: Uint8Array
  /** `NAME@lab.example` by default. */
  readonly upn?: string
  /** The UPN by default. */
  readonly email?: string
  readonly sid?: string
  /** May be an enrolment agent. */
  readonly agent?: boolean
}

const bad = (why: string) => new UsageError('ERR_USAGE', `This user cannot be added: ${why}.`)

/** Adds a user, or changes the password and names of an existing one. @throws UsageError ERR_USAGE; FileError */
export async function putUser(directory: Directory, user: NewUser): Promise<User> {
  const { name, password, sid, agent } = user
  if (!USER_NAME.test(name)) throw bad('a name has 1 to 32 lower-case letters, digits, dots, hyphens and underscores')
  if (password.length < 8 || password.length > 128) throw bad('a password has 8 to 128 characters')
  const upn = user.upn ?? `${name}@lab.example`
  const email = user.email ?? upn
  // Writing them checks them.
  writeAlternativeNames({ upn: [upn], email: [email] })
  if (sid !== undefined) writeSecurityIdentifier(sid)
  const other = await findByUpn(directory, upn)
  if (other !== undefined && other.name !== name) throw bad(`the user '${other.name}' has this UPN`)
  const salt = Uint8Array.from(randomBytes(16))
  const hash = await derive(password, salt, COST)
  const made: User = {
    name,
    upn,
    email,
    ...(sid === undefined ? {} : { sid }),
    ...(agent && { agent: true as const }),
    cost: COST,
    salt,
    hash,
  }
  await directory.putUser(made)
  return made
}

async function findByUpn(directory: Directory, upn: string): Promise<User | undefined> {
  for (const name of await directory.userNames()) {
    const user = USER_NAME.test(name) ? await directory.user(name) : undefined
    if (user?.upn.toLowerCase() === upn.toLowerCase()) return user
  }
  return undefined
}

/** Finds a user by name or UPN, in upper or lower case. */
export async function findUser(directory: Directory, login: string): Promise<User | undefined> {
  const wanted = login.toLowerCase()
  const own = USER_NAME.test(wanted) ? await directory.user(wanted) : undefined
  return own ?? (wanted.includes('@') ? findByUpn(directory, wanted) : undefined)
}

/** Checks passwords, a few at a time. */
export class PasswordCheck {
  readonly #directory: Directory
  #running = 0
  readonly #waiting: Array<() => void> = []

  constructor(directory: Directory) {
    this.#directory = directory
  }

  /**
   * The user, if name and password are right. An unknown name takes as long as a wrong password.
   * @throws Refusal 503 when too many checks wait
   */
  async check(login: string, password: string): Promise<User | undefined> {
    const user = await findUser(this.#directory, login)
    const salt = user?.salt ?? new Uint8Array(16)
    const secret = secretBytes(password)
    try {
      const hash = await this.#turn(() => derive(secret, salt, user?.cost ?? COST))
      return user && timingSafeEqual(hash, user.hash) ? user : undefined
    } finally {
      wipe(secret)
    }
  }

  async #turn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= MOST_WAITING) throw new Refusal(503, 'Too many are waiting. Try again in a minute.')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    } else this.#running += 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}

function derive(password: Uint8Array, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  const options: ScryptOptions = { N: cost, r: BLOCK, p: 1, maxmem: 256 * cost * BLOCK }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, options, (error, key) => (error ? reject(error) : resolve(Uint8Array.from(key))))
  })
}
