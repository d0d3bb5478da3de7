// The ways in which Node and its libraries use a private key.
import { type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto'

export const MESSAGE = new TextEncoder().encode('to be signed')

/** `crypto.sign` with a callback. */
export function signAsync(hash: string, key: KeyObject | (SignKeyObjectInput & { key: KeyObject })): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign(hash, MESSAGE, key, (error, signature) => (error ? reject(error) : resolve(signature)))
  })
}

/** The error that a promise is rejected with. */
export async function rejected(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not refused')
}
