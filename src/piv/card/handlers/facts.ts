// GET VERSION, GET SERIAL, GET METADATA: public facts. Yubico's instructions (src/piv/yubico.ts).
import { wipe } from '../../../bytes.ts'
import { StatusError, SW } from '../../../iso7816/status.ts'
import { ADMIN_ALGORITHMS, ALGORITHMS } from '../../algorithms.ts'
import { fromSpki, writePublicKeyFields } from '../../public-key.ts'
import { PIN_POLICY_IDS, type Slot } from '../../slots.ts'
import { FIRMWARE, NO_ALGORITHM, ORIGIN_IDS, policiesOctets, serialOf, writeMetadata } from '../../yubico.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext, DefaultSecret } from '../context.ts'
import type { TryCounter, VaultKey } from '../vault.ts'
import { attestsFromTheBeginning } from './attestation.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

export const version = (): Uint8Array => FIRMWARE

export const serial = ({ identity }: CardContext): Uint8Array => serialOf(identity().cardId)

export async function metadata(context: CardContext, { of }: Command<'metadata'>): Promise<Uint8Array> {
  const { vault, counters } = context
  if (of === 'pin') {
    counters.pin = await vault.pins.pinCounter()
    return triesOf(context, 'pin', counters.pin)
  }
  if (of === 'puk') {
    // A card without a PUK looks like one whose PUK is blocked: there are no tries, and it is not the default one.
    counters.puk = (await vault.pins.pukCounter()) ?? { left: 0, limit: 0, advisory: false }
    return triesOf(context, 'puk', counters.puk)
  }
  if (of === 'attestation') await attestsFromTheBeginning(context)
  return of === 'admin' ? adminKey(context) : describe(keyOf(context, of))
}

const octet = (value: number): Uint8Array => Uint8Array.of(value)
const isDefault = ({ defaults }: CardContext, what: DefaultSecret) => octet(defaults().includes(what) ? 0x01 : 0x00)

/** As for an empty VERIFY: where the tries cannot be known, all of them are reported. */
function triesOf(context: CardContext, what: 'pin' | 'puk', counter: Pick<TryCounter, 'left' | 'limit'>): Uint8Array {
  const tries = Uint8Array.of(counter.limit, counter.left ?? counter.limit)
  return writeMetadata({ algorithm: octet(NO_ALGORITHM), isDefault: isDefault(context, what), tries })
}

/**
 * A card without an admin key reports one that nobody knows: programs that would stop at a missing key continue, and
 * fail to prove it.
 */
async function adminKey(context: CardContext): Promise<Uint8Array> {
  const held = await context.vault.admin.key()
  wipe(held?.key)
  return writeMetadata({
    algorithm: octet(held?.algorithm ?? ADMIN_ALGORITHMS['AES-256'].id),
    policies: policiesOctets(0x00),
    isDefault: isDefault(context, 'adminKey'),
  })
}

/** The attestation key of Tessera's own model does not exist before the first attestation. */
function keyOf({ vault }: CardContext, of: Slot | 'attestation'): Omit<VaultKey, 'slot'> {
  const attestation = of === 'attestation' ? vault.attestation.key() : undefined
  const found =
    of === 'attestation' ? attestation && { ...attestation, pinPolicy: 'never' as const } : vault.keys.find(of)
  if (found === undefined) throw new StatusError(SW.REFERENCE_NOT_FOUND)
  return found
}

function describe({ algorithm, pinPolicy, origin, spki }: Omit<VaultKey, 'slot'>): Uint8Array {
  return writeMetadata({
    algorithm: octet(ALGORITHMS[algorithm].id),
    policies: policiesOctets(PIN_POLICY_IDS[pinPolicy]),
    origin: octet(ORIGIN_IDS[origin]),
    publicKey: writePublicKeyFields(fromSpki(spki)),
  })
}
