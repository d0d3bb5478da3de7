/**
 * The stored state of an enrolment under way, so that it survives the process: a file per card and slot, public data
 * only. A process has the lock of the enrolment while it works on it; the file stays until the certificate is in its
 * slot.
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { FileError, hasCode, valueIf } from '../errors.ts'
import type { Files } from '../files/files.ts'
import { decode, integer, moment, octets, text } from '../files/schema.ts'
import { type Kind, seal } from '../files/sealed-text.ts'
import { enrolmentFile, enrolmentFilesOf } from '../home/enrolments.ts'
import type { Locks } from '../home/locks.ts'
import { ALGORITHMS, type Algorithm } from '../piv/algorithms.ts'
import { LONGEST_CERTIFICATE } from '../piv/certificate.ts'
import { PIN_POLICIES, SLOTS, type Slot } from '../piv/slots.ts'
import { LONGEST_WAIT } from './protocol.ts'

const kindOf = (slot: string): Kind => ({
  magic: 'tessera-enrolment',
  version: 1,
  noun: 'enrolment file',
  advice: `Give the enrolment up and begin anew: tessera enroll ${slot} --abandon.`,
})
const LIMIT = 1024 * 1024
/** Most certificates above one. */
export const MOST_ABOVE = 16
const certificate = octets(1, LONGEST_CERTIFICATE)
const slot = v.picklist([...SLOTS.keys()])

/** The order of the steps; each is named after what has been done. After `sent` the CA may have the request. */
export const STEPS = ['reserved', 'requested', 'sent', 'pending', 'issued'] as const
export type Step = (typeof STEPS)[number]

const schema = v.strictObject({
  step: v.picklist(STEPS),
  started: moment,
  slot,
  /** Where the key is until the certificate is proved; the slot itself if nothing is in the way. */
  place: slot,
  /** What to make in that place, if the key is new. */
  newKey: v.optional(
    v.strictObject({
      algorithm: v.picklist(Object.keys(ALGORITHMS) as Algorithm[]),
      pinPolicy: v.picklist(PIN_POLICIES),
    }),
  ),
  /** Where the key that was in the slot goes, with its certificate. */
  retireTo: v.optional(slot),
  renewal: v.boolean(),
  friendlyName: v.optional(text(1, 128)),
  template: v.optional(text(1, 128)),
  /** The CA that has the request. */
  ca: v.optional(text(1, 2048)),
  /** The options at the beginning, each as JSON: remembered.ts. */
  options: v.optional(v.record(text(1, 32), text(1, 300))),
  /** SHA-256 of what was asked for, and of which CA: the user may change it before the request is submitted. */
  asked: v.optional(octets(32)),
  /** PKCS#10, DER. */
  request: v.optional(octets(1, 64 * 1024)),
  pending: v.optional(
    v.strictObject({ id: text(1, 1024), askAfter: moment, retryAfter: v.optional(integer(0, LONGEST_WAIT)) }),
  ),
  certificate: v.optional(certificate),
  chain: v.optional(v.pipe(v.array(certificate), v.maxLength(MOST_ABOVE))),
})

export type Enrolment = v.InferOutput<typeof schema>

/** Whether an error says that an enrolment file is damaged. */
export const isDamaged = (error: unknown): boolean => hasCode(error, 'ERR_CARD_FILE')

/** How long to wait while another process chooses slots, in milliseconds. */
const CHOOSING = 10_000

/** The enrolments of one home. */
export class Enrolments {
  readonly #folder: string
  readonly #files: Files
  readonly #locks: Locks

  constructor(folder: string, files: Files, locks: Locks) {
    this.#folder = folder
    this.#files = files
    this.#locks = locks
  }

  /**
   * Runs `work` while no other process enrols into this slot.
   * @throws FileError ERR_CARD_BUSY when another process does
   */
  async alone<T>(card: string, slot: Slot, work: (file: EnrolmentFile) => Promise<T>): Promise<T> {
    await this.#files.makeFolder(this.#folder)
    const path = this.#path(card, slot)
    const lock = this.#locks.attempt(`${path}.lock`)
    if (lock === null) {
      const holder = await this.#locks.holder(`${path}.lock`)
      throw new FileError(
        'ERR_CARD_BUSY',
        `${holder} is enrolling into slot ${slot} of this card. Wait for it, or stop it.`,
        { path },
      )
    }
    try {
      return await work(new EnrolmentFile(path, slot, this.#files, (choose) => this.#choosing(card, choose)))
    } finally {
      lock.release()
    }
  }

  /** The enrolment under way for a slot; undefined if there is none. Reading needs no lock. */
  async look(card: string, slot: Slot): Promise<Enrolment | undefined> {
    return readFrom(this.#files, this.#path(card, slot), slot)
  }

  /**
   * Keeps other processes from choosing slots of this card; `taken` are those that other enrolments have chosen. A damaged
   * file says none; a key that its enrolment has made is found on the card.
   */
  async #choosing<T>(card: string, choose: (taken: ReadonlySet<string>) => Promise<T>): Promise<T> {
    const lock = await this.#locks.wait(join(this.#folder, `${card}.lock`), CHOOSING, 'this card')
    try {
      const taken = new Set<string>()
      for (const { name, slot } of enrolmentFilesOf(card, await this.#files.list(this.#folder))) {
        const read = readFrom(this.#files, join(this.#folder, name), slot)
        const other = await read.catch(valueIf(isDamaged, undefined))
        for (const one of [other?.place, other?.retireTo]) if (one !== undefined) taken.add(one)
      }
      return await choose(taken)
    } finally {
      lock.release()
    }
  }

  #path(card: string, slot: Slot): string {
    return join(this.#folder, enrolmentFile(card, slot))
  }
}

/** @throws FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER */
async function readFrom(files: Files, path: string, slot: string): Promise<Enrolment | undefined> {
  const octets = await files.read(path, LIMIT)
  return octets && decode(kindOf(slot), schema, octets, path)
}

/** The file of one enrolment, while its lock is taken. */
export class EnrolmentFile {
  readonly #path: string
  readonly #slot: Slot
  readonly #files: Files
  /** Runs a choice of slots while no other process makes one. */
  readonly choosing: <T>(choose: (taken: ReadonlySet<string>) => Promise<T>) => Promise<T>

  constructor(path: string, slot: Slot, files: Files, choosing: EnrolmentFile['choosing']) {
    this.#path = path
    this.#slot = slot
    this.#files = files
    this.choosing = choosing
  }

  /** @throws FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER */
  async read(): Promise<Enrolment | undefined> {
    return readFrom(this.#files, this.#path, this.#slot)
  }

  async write(enrolment: Enrolment): Promise<Enrolment> {
    const kind = kindOf(this.#slot)
    const file = seal(kind, enrolment)
    decode(kind, schema, file, this.#path)
    await this.#files.writeAtomic(this.#path, file)
    return enrolment
  }

  async remove(): Promise<void> {
    await this.#files.remove(this.#path)
  }
}
