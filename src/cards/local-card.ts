// A card in this process as a channel: its card application, and beside it what PIV has no command for.
import { copyOf, equal, utf8, wipe } from '../bytes.ts'
import type { CardChannel, LocalCard } from '../channel.ts'
import { PinError } from '../errors.ts'
import { SW } from '../iso7816/status.ts'
import { ADMIN_ALGORITHMS } from '../piv/algorithms.ts'
import { CardApplication } from '../piv/card/application.ts'
import { InProcessChannel } from '../piv/card/channel.ts'
import type { DefaultSecret } from '../piv/card/context.ts'
import { INITIAL_OBJECTS } from '../piv/card/identity.ts'
import type { PinVault, Vault } from '../piv/card/vault.ts'
import { adminAlgorithmOf } from '../piv/host/admin.ts'
import { refusal } from '../piv/host/refusals.ts'
import { DEFAULT_PIN } from '../piv/pin.ts'
import { parseSlot } from '../piv/slots.ts'
import { type Challenge, formatChallenge } from '../tpm/help-desk.ts'

/** A vault whose owner is in this process: what he may know of the card, and a help desk that can unblock it. */
export interface LocalVault extends Vault {
  /** As of now: cards can be renamed. */
  readonly card: {
    readonly cardId: Uint8Array
    readonly name: string
    /** ISO 8601. */
    readonly created: string
    readonly assurance: 'hardware' | 'software'
    readonly flags: { readonly mustChangePin: boolean; readonly defaults: readonly DefaultSecret[] }
  }
  readonly pins: PinVault & {
    challenge(): Promise<Challenge>
    unblockWithResponse(response: string, newPin: Uint8Array): Promise<void>
  }
}

export interface LocalOptions {
  /** For who prepares a card for somebody: its keys serve although the first PIN has not been changed. */
  readonly firstPinServes?: boolean | undefined
}

export function localChannel(vault: LocalVault, { firstPinServes = false }: LocalOptions = {}): CardChannel {
  const mustChangePin = () => vault.card.flags.mustChangePin && !firstPinServes
  const application = new CardApplication({
    vault,
    identity: () => {
      const { cardId, name, created, assurance } = vault.card
      return { cardId, name, created: new Date(created), assurance }
    },
    mustChangePin,
    defaults: () => vault.card.flags.defaults,
  })
  return new InProcessChannel(application, localCard(vault, application, mustChangePin), () => vault.close())
}

/** Who owns the card file: the PIN alone lets him manage keys and certificates. */
function localCard(vault: LocalVault, { security }: CardApplication, mustChangePin: () => boolean): LocalCard {
  const { pins, keys } = vault
  const manage = () => {
    // What the admin key proved outlives the PIN.
    if (security.admin) return
    if (!pins.unlocked) throw pinRequired()
    security.grantAdmin(() => pins.unlocked)
  }
  /** Nothing here is the use of an `always` key: VERIFY counts for the very next command alone. */
  const between = async <T>(work: () => Promise<T>): Promise<T> => {
    await pins.disarm()
    return work()
  }
  const managed = <T>(work: () => Promise<T>): Promise<T> =>
    between(() => {
      manage()
      return work()
    })
  return {
    name: vault.card.name,
    assurance: vault.card.assurance,
    manage,
    pinTries: () => between(() => pins.pinCounter()),
    pukTries: () => between(() => pins.pukCounter()),
    mustChangePin,
    defaults: () => vault.card.flags.defaults,
    keys: () => keys.list(),
    challenge: () => between(async () => formatChallenge(await pins.challenge())),
    unblockWithResponse: (response, newPin) =>
      between(async () => {
        // As at the card edge: everybody knows it.
        if (equal(newPin, utf8(DEFAULT_PIN))) throw refusal('unblockPin', SW.CONDITIONS_OF_USE)
        await pins.unblockWithResponse(response, newPin)
      }),
    importKey: async (slot, pkcs8, policy) => {
      await managed(() => keys.import(parseSlot(slot), pkcs8, policy))
    },
    deleteKey: (slot) => managed(() => keys.delete(parseSlot(slot))),
    moveKey: (from, to) => managed(() => keys.move(parseSlot(from), parseSlot(to))),
    setAdminKey: async (given) => {
      if (given === undefined) return managed(() => vault.admin.remove())
      const { algorithm, key: theirs } = adminAlgorithmOf(given)
      const key = copyOf(theirs)
      try {
        await managed(() => vault.admin.replace(ADMIN_ALGORITHMS[algorithm].id, key))
      } finally {
        wipe(key)
      }
    },
    objects: () => [...new Set([...INITIAL_OBJECTS, ...vault.objects.tags()])].sort(),
  }
}

const pinRequired = () => new PinError('ERR_PIN_REQUIRED', 'Changing a card wants its PIN. Verify the PIN first.')
