/**
 * @peculiar/x509, which builds and reads X.509 and PKCS#10. It takes a tenth of a second to load, so nobody imports it
 * but by `library()`, when there is something to build or read.
 */
import type * as Library from '@peculiar/x509'

export type { Library }

let loaded: Promise<typeof Library> | undefined

export function library(): Promise<typeof Library> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<typeof Library> {
  // Its dependency tsyringe wants this before itself.
  await import('reflect-metadata')
  return import('@peculiar/x509')
}
