/** A laboratory for one test. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isError, UsageError } from '../errors.ts'
import { type ServedPcsc, servePcsc } from '../serve/serve-pcsc.ts'
import { servePkcs11 } from '../serve/serve-pkcs11.ts'
import type { ChipName } from './chips.ts'
import { type LabCertificateAuthority, type RunningAuthority, startAuthority } from './lab-authority.ts'
import { type LabCard, type LabCardOptions, makeLabCard, type TpmLabCard } from './lab-card.ts'
import { makeLabFolder } from './lab-folder.ts'
import { startSimulatedTpm } from './simulated-tpm.ts'
import { type SoftwareTpm, startSoftwareTpm } from './software-tpm.ts'

export interface CardLabOptions {
  /**
   * `embedded` unless given: in this process. `swtpm`: a process of its own, which must be installed. `simulate`: a swtpm that
   * takes as long for each command as was published of a chip.
   */
  readonly tpm?: 'embedded' | 'swtpm' | { readonly simulate: ChipName }
  /** One card, `work`, with a P-256 key in 9a, unless given. */
  readonly cards?: readonly LabCardOptions[]
  /** A certificate authority with EST and web enrolment, on a free port of this machine. */
  readonly ca?: boolean
}

export interface CardLab {
  /** For processes that are to find the cards: by Tessera's own program, PC/SC and p11-kit. */
  readonly env: Readonly<Record<string, string>>
  /** Folder of the cards: TESSERA_HOME. */
  readonly home: string
  /** A card by its name; the only one without. @throws UsageError ERR_USAGE */
  card(name?: string): LabCard
  /** @throws UsageError ERR_USAGE without `ca: true` */
  readonly ca: LabCertificateAuthority
  /** What went on: calls of the CA, and trouble at the doors, a line each. */
  log(): readonly string[]
  /** Ends and removes everything. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const ONE_CARD: readonly LabCardOptions[] = [{ name: 'work' }]
const MOST_LINES = 10_000

/**
 * A TPM, cards in it, a CA and the doors to the cards, in a folder of their own: without root, beside any number of others,
 * and all of it is there when this resolves. With the process that made it, a lab is gone.
 *
 * docs/ci.md has recipes for test runners.
 * @throws UsageError ERR_USAGE; TpmError ERR_TPM_ABSENT; FileError; as `createCard` and `enroll`
 * @example
 * const lab = await cardLab({ ca: true, cards: [{ name: 'work', certificate: 'smartcard-logon' }] })
 * const env = { ...process.env, ...lab.env } // for programs that are to find the card
 * const card = await lab.card('work').open()
 * await card.sign('9a', Buffer.from('data'), { pin: lab.card('work').pin })
 * await lab.close()
 */
export async function cardLab({
  tpm = 'embedded',
  cards = ONE_CARD,
  ca = false,
}: CardLabOptions = {}): Promise<CardLab> {
  const folder = makeLabFolder()
  const lines: string[] = []
  const log = (line: string) => void (lines.length < MOST_LINES && lines.push(line))
  const parts = new Parts()
  try {
    const home = join(folder.path, 'home')
    mkdirSync(home, { mode: 0o700 })
    const tcti =
      tpm === 'embedded'
        ? 'embedded:'
        : await parts.add(startTpm(folder.path, tpm), (one) => one.stop()).then((one) => one.tcti)
    const authority = ca
      ? await parts.add(startAuthority(join(folder.path, 'ca'), log), (one) => one.close())
      : undefined
    const made: TpmLabCard[] = []
    for (const options of cards)
      made.push(await parts.add(makeLabCard({ home, tcti }, options, authority), (one) => one.close()))
    const doors = await openDoors(
      folder.path,
      made,
      (trouble) => log(isError(trouble) ? trouble.message : String(trouble)),
      parts,
    )
    let closing: Promise<void> | undefined
    const close = () => (closing ??= parts.close().finally(folder.remove))
    return {
      env: { TESSERA_HOME: home, TESSERA_TCTI: tcti, ...doors, ...authorityEnv(authority) },
      home,
      card: (name) => cardOf(made, name),
      get ca() {
        if (authority !== undefined) return authority.facts
        throw new UsageError('ERR_USAGE', 'This lab has no CA: cardLab({ ca: true }).')
      },
      log: () => [...lines],
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await parts.close().finally(folder.remove)
    throw error
  }
}

const startTpm = (folder: string, tpm: 'swtpm' | { readonly simulate: ChipName }): Promise<SoftwareTpm> =>
  tpm === 'swtpm' ? startSoftwareTpm(folder) : startSimulatedTpm(folder, tpm.simulate)

function cardOf(cards: readonly TpmLabCard[], name: string | undefined): LabCard {
  const [found, ...more] = cards.filter((card) => name === undefined || card.name === name)
  if (found !== undefined && more.length === 0) return found
  const names = cards.map((card) => card.name).join(', ') || 'none'
  throw new UsageError('ERR_USAGE', `Which card? This lab has: ${names}.`)
}

async function openDoors(
  folder: string,
  cards: readonly TpmLabCard[],
  onTrouble: (error: unknown) => void,
  parts: Parts,
) {
  const readers = cards.map((card) => card.inReader)
  const pcsc: ServedPcsc = await parts.add(servePcsc(readers, { socket: join(folder, 'pcsc'), onTrouble }), (one) =>
    one.close(),
  )
  for (const card of cards) card.servedBy(pcsc)
  const sources = cards.map((card) => card.source)
  const pkcs11 = await parts.add(servePkcs11(sources, { socket: join(folder, 'pkcs11'), onTrouble }), (one) =>
    one.close(),
  )
  return { ...pcsc.env, ...pkcs11.env }
}

const authorityEnv = (authority: RunningAuthority | undefined) =>
  authority === undefined
    ? {}
    : { TESSERA_LAB_CA_URL: authority.facts.url, TESSERA_LAB_CA_FILE: authority.facts.certificateFile }

/** What has to be closed, the newest first. */
class Parts {
  readonly #closers: Array<() => Promise<void>> = []

  async add<Part>(opening: Promise<Part>, close: (part: Part) => Promise<void>): Promise<Part> {
    const part = await opening
    this.#closers.push(() => close(part))
    return part
  }

  /** @throws the first fault, once all is closed */
  async close(): Promise<void> {
    const faults: unknown[] = []
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop())
      await closer().catch((error: unknown) => faults.push(error))
    if (faults.length > 0) throw faults[0]
  }
}
