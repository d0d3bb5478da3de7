// node --import tsx bench/cases/reader.ts SETUP: what goes through PC/SC, and the same without it. SETUP is JSON of
// `ReaderSetup`; PCSCLITE_CSOCK_NAME says which pcscd.
import { tempDir } from '../../test/support/temp.ts'
import { load, root } from '../product.ts'
import { type Operation, serveRequests } from './serve-requests.ts'

export interface ReaderSetup {
  readonly what: keyof typeof WHAT
  /** Where the card is, for what goes through PC/SC. */
  readonly reader: string
  readonly pin: string
}

const SLOT = '9a'
const MESSAGE = new Uint8Array(32).fill(7)
/** GET VERSION: the shortest exchange that there is. */
const APDU = Uint8Array.of(0x00, 0xfd, 0x00, 0x00, 0x00)
const counters = async () => ({})

async function exchange({ reader }: ReaderSetup): Promise<Operation> {
  const { ReaderChannel } = await load(root, 'pcsc/channel')
  const channel = await ReaderChannel.open(reader)
  return { run: () => channel.transmit(APDU), counters, close: () => channel.close() }
}

async function throughReader({ reader, pin }: ReaderSetup): Promise<Operation> {
  const { openCard } = await load(root, 'index')
  const card = await openCard({ reader })
  await card.verifyPin(pin)
  await card.sign(SLOT, MESSAGE)
  return { run: () => card.sign(SLOT, MESSAGE), counters, close: () => card.close() }
}

async function inProcess({ pin }: ReaderSetup): Promise<Operation> {
  const { createCard } = await load(root, 'index')
  const card = await createCard({ name: 'bench', home: tempDir('bench'), tcti: 'embedded:', pin, puk: 'open ?me' })
  await card.verifyPin(pin)
  await card.generateKey(SLOT)
  return { run: () => card.sign(SLOT, MESSAGE), counters, close: () => card.close() }
}

const WHAT = { exchange, throughReader, inProcess } as const

const setup = JSON.parse(process.argv[2] ?? '') as ReaderSetup
await serveRequests(await WHAT[setup.what](setup))
