// The same signature, one layer of the product more at a time.
import type { KeyObject } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../test/support/temp.ts'
import { load } from '../product.ts'
import { inReader } from './reader.ts'
import type { Operation } from './serve-requests.ts'

export const ALGORITHMS = ['P-256', 'RSA-2048'] as const
export const POLICIES = ['never', 'once', 'always'] as const

export interface Setup {
  /** Checkout whose dist/ is measured. */
  readonly root: string
  readonly layer: keyof typeof LAYERS
  readonly tcti: string
  readonly algorithm: (typeof ALGORITHMS)[number]
  readonly policy: (typeof POLICIES)[number]
}

const PIN = '483920'
const PUK = 'open ?me'
const SLOT = '9a'
const SLOT_REFERENCE = 0x9a
const ALGORITHM_IDS = { 'P-256': 0x11, 'RSA-2048': 0x07 } as const
const MESSAGE = new Uint8Array(32).fill(7)
const DIGEST = new Uint8Array(32).fill(9)

/** A home of this process, and the device of its card, whose counters are read. */
async function place({ root, tcti }: Setup) {
  const home = tempDir('bench')
  mkdirSync(join(home, 'tpm'))
  const device = async () => {
    const { acquireDevice } = await load(root, 'tpm/devices')
    return acquireDevice({ tcti, stateFile: join(home, 'tpm', 'state'), createState: true })
  }
  return { home, device }
}

/** A card with one key, its PIN verified. */
export async function furnished({ root, tcti, algorithm, policy }: Setup, home: string) {
  const { createCard } = await load(root, 'index')
  const card = await createCard({ name: 'bench', home, tcti, pin: PIN, puk: PUK })
  await card.verifyPin(PIN)
  const publicKey: KeyObject = await card.generateKey(SLOT, { algorithm, pinPolicy: policy })
  await card.verifyPin(PIN)
  return { card, publicKey }
}

/** Level 1: `run` with a key whose password is empty; no PIN anywhere. */
async function nativeLayer(setup: Setup): Promise<Operation> {
  const { root, algorithm } = setup
  const { NO_PASSWORD } = await load(root, 'tpm/command')
  const { createKey } = await load(root, 'tpm/keys/create')
  const { keyCommand, signDigest, rawRsa } = await load(root, 'tpm/keys/operations')
  const device = await (await place(setup)).device()
  const srk = await device.srkNow({ make: { ownerPassword: new Uint8Array(0) } })
  const key = await createKey(device, srk, algorithm, 'never', new Uint8Array(0))
  const entity = await device.keys.get(key, srk)
  const operation =
    algorithm === 'P-256' ? signDigest(algorithm, DIGEST) : rawRsa(algorithm, key.public.subarray(2), await block(root))
  const tpm = await device.connect()
  return {
    run: () => tpm.run([keyCommand(operation, entity, NO_PASSWORD)]),
    counters: () => device.counters(),
    async close() {
      await device.flush(entity.handle)
      await device.close()
    },
  }
}

async function block(root: string): Promise<Uint8Array> {
  const { rsaBlock } = await load(root, 'piv/host/signature')
  return rsaBlock(DIGEST, { hash: 'SHA-256', format: 'der', padding: 'pkcs1' }, 256)
}

/** The vault of a card that was made and closed again. */
async function openVault(setup: Setup) {
  const { home, device } = await place(setup)
  await (await furnished(setup, home)).card.close()
  const { openTpmCard } = await load(setup.root, 'tpm/open')
  const vault = await openTpmCard({ home }, 'bench')
  const shared = await device()
  const close = async () => {
    await vault.close()
    await shared.close()
  }
  return { vault, counters: () => shared.counters(), close }
}

const pinOctets = () => new TextEncoder().encode(PIN)

/** Level 2: what the card application asks of the TPM. */
async function vaultLayer(setup: Setup): Promise<Operation> {
  const { vault, ...rest } = await openVault(setup)
  const padded = await block(setup.root)
  const slot = (await load(setup.root, 'piv/slots')).parseSlot(SLOT)
  const verify = () => vault.pins.verifyPin(pinOctets())
  const sign = () =>
    setup.algorithm === 'P-256' ? vault.keys.signDigest(slot, DIGEST) : vault.keys.rawRsa(slot, padded)
  await verify()
  return { run: setup.policy === 'always' ? () => verify().then(sign) : sign, ...rest }
}

/** Level 3: APDUs in, APDUs out. */
async function applicationLayer(setup: Setup): Promise<Operation> {
  const { root, algorithm, policy } = setup
  const { vault, ...rest } = await openVault(setup)
  const { CardApplication } = await load(root, 'piv/card/application')
  const { splitChain } = await load(root, 'iso7816/chaining')
  const { writeAuthentication } = await load(root, 'piv/templates')
  const application = new CardApplication({
    vault,
    identity: () => ({ ...vault.card, name: 'bench', created: new Date(vault.card.created) }),
    mustChangePin: () => false,
    defaults: () => [],
  })
  const challenge = algorithm === 'P-256' ? DIGEST : await block(root)
  const apdu = (ins: number, p1: number, p2: number, data: Uint8Array, le?: number) =>
    splitChain({ cla: 0, ins, p1, p2, data, le, extended: false }, true)[0] ?? data
  const template = writeAuthentication({ response: new Uint8Array(0), challenge })
  const use = apdu(0x87, ALGORITHM_IDS[algorithm], SLOT_REFERENCE, template, template.length > 255 ? 65_536 : 256)
  const field = Uint8Array.from([...pinOctets(), 0xff, 0xff])
  const sent = async (octets: Uint8Array) => {
    const answer = await application.transmit(octets.slice())
    if (answer.at(-2) !== 0x90) throw new Error(`the card answers ${answer.at(-2)?.toString(16)}`)
  }
  const verify = () => sent(apdu(0x20, 0x00, 0x80, field))
  const sign = () => sent(use)
  await verify()
  return { run: policy === 'always' ? () => verify().then(sign) : sign, ...rest }
}

/** Level 4: what a program calls. It also hashes its message and encodes the signature. */
async function cardLayer(setup: Setup): Promise<Operation> {
  const { home, device } = await place(setup)
  const { card } = await furnished(setup, home)
  const shared = await device()
  const sign = () => card.sign(SLOT, MESSAGE)
  return {
    run: setup.policy === 'always' ? () => card.verifyPin(PIN).then(sign) : sign,
    counters: () => shared.counters(),
    async close() {
      await card.close()
      await shared.close()
    },
  }
}

/** Level 5: the card in a reader, served by another process. */
async function readerLayer(setup: Setup): Promise<Operation> {
  const { root, tcti, policy } = setup
  const home = tempDir('bench')
  await (await furnished(setup, home)).card.close()
  const { reader, counters, stop } = await inReader({ root, home, tcti })
  const { openCard } = await load(root, 'index')
  const card = await openCard({ reader })
  if (policy === 'once') await card.verifyPin(PIN)
  const pin = policy === 'always' ? { pin: PIN } : {}
  return {
    run: () => card.sign(SLOT, MESSAGE, pin),
    counters,
    async close() {
      await card.close()
      await stop()
    },
  }
}

export const LAYERS = {
  native: nativeLayer,
  vault: vaultLayer,
  application: applicationLayer,
  card: cardLayer,
  reader: readerLayer,
} as const satisfies Record<string, (setup: Setup) => Promise<Operation>>
