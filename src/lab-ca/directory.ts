// The directory of a CA: the meaning of each file. No other module of the CA names a file.
import { join } from 'node:path'
import { type Files, files as systemFiles } from '../files/files.ts'
import {
  type Decision,
  decodeAs,
  encodeAs,
  FORMS,
  type Form,
  LONGEST_FILE,
  type Revocation,
  type Settings,
  type StoredRequest,
  type User,
} from './records.ts'

const FOLDERS = ['users', 'requests', 'decisions', 'revocations'] as const
type Folder = (typeof FOLDERS)[number]

export class Directory {
  readonly path: string
  readonly files: Files
  readonly keyFile: string
  /** The certificate for clients to trust. */
  readonly certificateFile: string
  readonly crlFile: string
  readonly #settingsFile: string

  constructor(path: string, files: Files = systemFiles) {
    this.path = path
    this.files = files
    this.keyFile = join(path, 'ca.key')
    this.certificateFile = join(path, 'ca.pem')
    this.crlFile = join(path, 'ca.crl')
    this.#settingsFile = join(path, 'settings')
  }

  async make(): Promise<void> {
    for (const folder of FOLDERS) await this.files.makeFolder(join(this.path, folder))
  }

  user(name: string): Promise<User | undefined> {
    return this.#read(FORMS.user, this.#at('users', `${name}.user`))
  }

  /** Adds a user, or changes the password and names of an existing one. */
  putUser(user: User): Promise<void> {
    return this.files.writeAtomic(this.#at('users', `${user.name}.user`), encodeAs(FORMS.user, user))
  }

  async userNames(): Promise<string[]> {
    const names = await this.files.list(join(this.path, 'users'))
    return names.filter((name) => name.endsWith('.user')).map((name) => name.slice(0, -'.user'.length))
  }

  request(id: number): Promise<StoredRequest | undefined> {
    return this.#read(FORMS.request, this.#at('requests', String(id)))
  }

  /** False if there is already a request with that number. */
  addRequest(request: StoredRequest): Promise<boolean> {
    return this.#create(FORMS.request, this.#at('requests', String(request.id)), request)
  }

  decision(id: number): Promise<Decision | undefined> {
    return this.#read(FORMS.decision, this.#at('decisions', String(id)))
  }

  /** False if it was already decided: the first decision stands. */
  decide(decision: Decision): Promise<boolean> {
    return this.#create(FORMS.decision, this.#at('decisions', String(decision.id)), decision)
  }

  revocation(id: number): Promise<Revocation | undefined> {
    return this.#read(FORMS.revocation, this.#at('revocations', String(id)))
  }

  /** False if it was already revoked. */
  revoke(revocation: Revocation): Promise<boolean> {
    return this.#create(FORMS.revocation, this.#at('revocations', String(revocation.id)), revocation)
  }

  settings(): Promise<Settings | undefined> {
    return this.#read(FORMS.settings, this.#settingsFile)
  }

  putSettings(settings: Settings): Promise<void> {
    return this.files.writeAtomic(this.#settingsFile, encodeAs(FORMS.settings, settings))
  }

  /** The numbers in a folder, in ascending order. */
  async ids(folder: Exclude<Folder, 'users'>): Promise<number[]> {
    const names = await this.files.list(join(this.path, folder))
    return names
      .filter((name) => /^[1-9][0-9]{0,9}$/.test(name))
      .map(Number)
      .sort((left, right) => left - right)
  }

  #at(folder: Folder, name: string): string {
    return join(this.path, folder, name)
  }

  async #read<Value>(form: Form<Value>, path: string): Promise<Value | undefined> {
    const file = await this.files.read(path, LONGEST_FILE)
    return file && decodeAs(form, file, path)
  }

  #create<Value>(form: Form<Value>, path: string, value: Value): Promise<boolean> {
    return this.files.create(path, encodeAs(form, value))
  }
}
