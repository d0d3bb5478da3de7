/**
 * The lists of revoked certificates (CRL, RFC 5280, 5): fetched from where the certificates say, or from a place that is
 * given; verified, kept for a minute and fetched anew. Without a list that is good nobody is let in.
 */

import { webcrypto } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as x509 from '@peculiar/x509'
import { Refusal } from './refusals.ts'
import type { Ca } from './trust.ts'

const LIMITS = { octets: 1024 * 1024, fetchMs: 5000, places: 16 } as const
const HASHES = ['SHA-256', 'SHA-384', 'SHA-512']

interface List {
  readonly revoked: ReadonlySet<bigint>
  readonly thisUpdate: number
  readonly nextUpdate: number
  readonly fetched: number
}

interface Place {
  list?: List
  /** Fetching now, for all who wait. */
  fetching?: Promise<List> | undefined
}

export interface RevocationOptions {
  /** A file or a URL; without it, the place that the certificate names. */
  readonly place?: string | undefined
  /** How long a list is used before it is fetched anew. */
  readonly refreshMs: number
  /** How long it is used when it cannot be. */
  readonly graceMs: number
  readonly now: () => number
}

const serial = (digits: string): bigint => BigInt(`0x${digits === '' ? '0' : digits}`)
const unknown = (detail: string): Refusal => new Refusal('revocation-unknown', { detail })

export class Revocations {
  readonly #options: RevocationOptions
  readonly #places = new Map<string, Place>()

  constructor(options: RevocationOptions) {
    this.#options = options
  }

  /** `certificate`: one that `ca` signed, which was verified. @throws Refusal revoked, revocation-unknown */
  async check(certificate: x509.X509Certificate, ca: Ca): Promise<void> {
    const list = await this.#current(this.#options.place ?? placeIn(certificate), ca)
    if (list.revoked.has(serial(certificate.serialNumber))) throw new Refusal('revoked')
  }

  async #current(place: string, ca: Ca): Promise<List> {
    const { now, refreshMs, graceMs } = this.#options
    const key = `${ca.certificate.fingerprint256} ${place}`
    const known = this.#places.get(key) ?? {}
    if (!this.#places.has(key) && this.#places.size >= LIMITS.places) throw unknown('too many places of lists')
    this.#places.set(key, known)
    const last = known.list
    if (last !== undefined && isGood(last, now(), refreshMs)) return last
    known.fetching ??= this.#fetch(place, ca, last).finally(() => {
      known.fetching = undefined
    })
    try {
      known.list = await known.fetching
      return known.list
    } catch (error) {
      if (last !== undefined && isGood(last, now(), graceMs)) return last
      throw unknown(error instanceof Error ? error.message : 'unknown')
    }
  }

  async #fetch(place: string, ca: Ca, before: List | undefined): Promise<List> {
    const octets = /^https?:/.test(place) ? await download(place) : await readFile(place)
    const list = await readList(octets, ca, this.#options.now())
    // Somebody between the CA and us could give us an old one, from before a revocation.
    if (before !== undefined && list.thisUpdate < before.thisUpdate) throw new Error('the list is older than the last')
    return list
  }
}

/** Not older than that, nor from a time that the clock has not reached. */
const isGood = ({ fetched, nextUpdate }: List, now: number, oldest: number): boolean =>
  now >= fetched && now < Math.min(fetched + oldest, nextUpdate)

/** The address in the certificate's own extension (RFC 5280, 4.2.1.13): of http, as it is for everybody to read. */
function placeIn(certificate: x509.X509Certificate): string {
  const points = certificate.getExtension(x509.CRLDistributionPointsExtension)?.distributionPoints ?? []
  const names = points.flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? [])
  const address = names.map(({ uniformResourceIdentifier }) => uniformResourceIdentifier).find(Boolean)
  if (address?.startsWith('http://')) return address
  throw unknown('the certificate names no list of revoked certificates at an address of http')
}

async function download(address: string): Promise<Uint8Array> {
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(LIMITS.fetchMs) })
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > LIMITS.octets) throw new Error(`the list has more than ${LIMITS.octets} octets`)
    chunks.push(chunk)
  }
  if (response.status !== 200) throw new Error(`${address} answers ${response.status}`)
  return Buffer.concat(chunks)
}

/** @throws Error where it is no list of this CA that is good now */
async function readList(octets: Uint8Array, { parsed: ca }: Ca, now: number): Promise<List> {
  if (octets.length > LIMITS.octets) throw new Error(`the list has more than ${LIMITS.octets} octets`)
  const crl = new x509.X509Crl(octets)
  const [issuer, subject] = [crl.issuerName, ca.subjectName].map((name) => Buffer.from(name.toArrayBuffer()))
  if (issuer === undefined || subject?.equals(issuer) !== true) throw new Error('the list is of another CA')
  if (!HASHES.includes(crl.signatureAlgorithm.hash.name)) throw new Error('the list is signed with an unsafe hash')
  if (!(await crl.verify({ publicKey: ca.publicKey }, webcrypto))) {
    throw new Error('the signature of the list is wrong')
  }
  const strange = crl.extensions.find(({ critical }) => critical)
  if (strange !== undefined) throw new Error(`the list is for a part of the certificates (${strange.type})`)
  const { thisUpdate, nextUpdate } = crl
  if (now < thisUpdate.getTime()) throw new Error('the list is not valid yet')
  if (nextUpdate === undefined || now >= nextUpdate.getTime()) throw new Error('the list has expired')
  const revoked = new Set(crl.entries.map(({ serialNumber }) => serial(serialNumber)))
  return { revoked, thisUpdate: thisUpdate.getTime(), nextUpdate: nextUpdate.getTime(), fetched: now }
}
