// GET VERSION, GET SERIAL, GET METADATA: what everybody may know. Yubico's (src/piv/yubico.ts).
import { createPublicKey } from 'node:crypto'
import { StatusError, SW } from '../../../iso7816/status.ts'
import { ADMIN_ALGORITHMS, ALGORITHMS, adminAlgorithmById } from '../../algorithms.ts'
import { fromKeyObject, writePublicKeyFields } from '../../public-key.ts'
import { PIN_POLICY_IDS, type Slot } from '../../slots.ts'
import { FIRMWARE, NO_ALGORITHM, ORIGIN_IDS, serialOf, writeMetadata } from '../../yubico.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext, DefaultSecret } from '../context.ts'
import type { TryCounter, VaultKey } from '../vault.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

export const version = (): Uint8Array => FIRMWARE

export const serial = ({ identity }: CardContext): Uint8Array => serialOf(identity().cardId)

export async function metadata(context: CardContext, { of }: Command<'metadata'>): Promise<Uint8Array> {
  const { pins } = context.vault
  if (of === 'pin') return triesOf(context, 'pin', await pins.pinCounter())
  // A card without a PUK looks like one whose PUK is blocked: there are no tries, and it is not the default one.
  if (of === 'puk') return triesOf(context, 'puk', (await pins.pukCounter()) ?? { left: 0, limit: 0 })
  return of === 'admin' ? adminKey(context) : key(context, of)
}

const octet = (value: number): Uint8Array => Uint8Array.of(value)
const isDefault = ({ defaults }: CardContext, what: DefaultSecret) => octet(defaults().includes(what) ? 0x01 : 0x00)
/** PIN policy, and touch: never. */
const policies = (pinPolicy: number) => Uint8Array.of(pinPolicy, 0x01)

/** As for an empty VERIFY: tries that nobody can know are all there. */
function triesOf(context: CardContext, what: 'pin' | 'puk', counter: Pick<TryCounter, 'left' | 'limit'>): Uint8Array {
  const tries = Uint8Array.of(counter.limit, counter.left ?? counter.limit)
  return writeMetadata({ algorithm: octet(NO_ALGORITHM), isDefault: isDefault(context, what), tries })
}

/** A card without an admin key has no such reference, as when somebody wants to prove it. */
async function adminKey(context: CardContext): Promise<Uint8Array> {
  const held = await context.vault.admin.key()
  held?.key.fill(0)
  const algorithm = adminAlgorithmById(held?.algorithm ?? -1)
  if (algorithm === undefined) throw new StatusError(SW.REFERENCE_NOT_FOUND)
  return writeMetadata({
    algorithm: octet(ADMIN_ALGORITHMS[algorithm].id),
    policies: policies(0x00),
    isDefault: isDefault(context, 'adminKey'),
  })
}

function key({ vault }: CardContext, slot: Slot): Uint8Array {
  const found = vault.keys.list().find((one) => one.slot === slot)
  if (found === undefined) throw new StatusError(SW.REFERENCE_NOT_FOUND)
  return describe(found)
}

function describe({ algorithm, pinPolicy, origin, spki }: Omit<VaultKey, 'slot'>): Uint8Array {
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  return writeMetadata({
    algorithm: octet(ALGORITHMS[algorithm].id),
    policies: policies(PIN_POLICY_IDS[pinPolicy]),
    origin: octet(ORIGIN_IDS[origin]),
    publicKey: writePublicKeyFields(fromKeyObject(publicKey)),
  })
}
