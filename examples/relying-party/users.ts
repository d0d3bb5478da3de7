// Who may sign in: a file of users by the address (UPN) in their certificates.
//
//   { "maria@lab.example": { "user": "maria", "name": "Maria" } }
import { readFile } from 'node:fs/promises'
import * as v from 'valibot'

/** As in Windows: no white space, control characters, quotes or separators. */
const ADDRESS = /^[^\s@\p{C}"/\\[\]:;|=,+*?<>]{1,64}@[^\s@\p{C}"/\\[\]:;|=,+*?<>]{1,255}$/u

/** An address as users are found by it: letters of ASCII in lower case. Others stay as they are, since there are look-alikes. */
export const plainAddress = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

export const AddressSchema = v.pipe(v.string(), v.maxLength(320), v.regex(ADDRESS), v.transform(plainAddress))

const UserSchema = v.strictObject({
  user: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]{1,64}$/)),
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
})
const UsersSchema = v.pipe(v.record(AddressSchema, UserSchema), v.maxEntries(10_000))

export type User = v.InferOutput<typeof UserSchema>
export type Users = ReadonlyMap<string, User>

/** @throws Error that names the file */
export async function readUsers(path: string): Promise<Users> {
  try {
    return new Map(Object.entries(v.parse(UsersSchema, JSON.parse(await readFile(path, 'utf8')))))
  } catch (cause) {
    const shape = '{ "maria@lab.example": { "user": "maria", "name": "Maria" } }'
    throw new Error(`${path} is not a file of users such as ${shape}: ${(cause as Error).message}`, { cause })
  }
}
