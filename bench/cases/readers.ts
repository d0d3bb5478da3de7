// node --import tsx bench/cases/readers.ts SETUP: one APDU through PC/SC. SETUP is JSON of `ReadersSetup`.
import { startPcscd } from '../../test/support/pcscd.ts'
import { tempDir } from '../../test/support/temp.ts'
import { CaseProcess } from '../measure/process.ts'
import { load, root } from '../product.ts'
import { program } from './command.ts'
import { furnished } from './layers.ts'
import { inReader, onSocket, seen } from './reader.ts'
import { serveRequests } from './serve-requests.ts'

export interface ReadersSetup {
  /**
   * `served`: a card of ours in pcscd; `socket`: the same on a socket of our own; else one in C that answers at once, with
   * or without TCP_QUICKACK.
   */
  readonly card: 'served' | 'socket' | 'quickack' | 'plain'
}

/** A card that answers at once, in the first reader. */
async function instantCard(how: string) {
  const pcscd = await startPcscd()
  const card = await CaseProcess.start(`instant card, ${how}`, [program('instant_card'), String(pcscd.ports[0]), how])
  const stop = async () => {
    await pcscd.stop() // ends the card too
    await card.end()
  }
  return { reader: pcscd.readers[0], stop }
}

async function servedCard(serve: typeof inReader | typeof onSocket) {
  const home = tempDir('bench')
  const setup = { root, layer: 'card', tcti: 'embedded:', algorithm: 'P-256', policy: 'once' } as const
  await (await furnished(setup, home)).card.close()
  return serve({ root, home, tcti: 'embedded:' })
}

const { card } = JSON.parse(process.argv[2] ?? '') as ReadersSetup
const SERVE = { served: inReader, socket: onSocket } as const
const { reader, stop } = card in SERVE ? await servedCard(SERVE[card as keyof typeof SERVE]) : await instantCard(card)
await seen(reader)
const { ReaderChannel } = await load(root, 'pcsc/channel')
const channel = await ReaderChannel.open(reader)
/** SELECT of the PIV application: answered from memory. */
const select = Uint8Array.from([0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00])
await serveRequests({
  run: () => channel.transaction((transmit) => transmit(select)),
  counters: async () => ({}),
  async close() {
    await channel.close()
    await stop()
  },
})
