// A card in this process as a channel: its card application, and functions for which PIV has no command.
import { attestKey } from '../attest/formats.ts'
import type { CardChannel, LocalCard, TriesKnown } from '../channel.ts'
import { PinError } from '../errors.ts'
import { SW } from '../iso7816/status.ts'
import { CardApplication } from '../piv/card/application.ts'
import { InProcessChannel } from '../piv/card/channel.ts'
import type { DefaultSecret } from '../piv/card/context.ts'
import { initialObjects } from '../piv/card/identity.ts'
import type { PinVault, TryCounter, Vault } from '../piv/card/vault.ts'
import { FIRST_STATE, isFirst, type Model, modelOf } from '../piv/first-state.ts'
import { refusal } from '../piv/host/refusals.ts'
import { checkNewPin, type PinRules } from '../piv/pin-quality.ts'
import { parseSlot } from '../piv/slots.ts'
import type { CardAttestor } from '../tpm/attest/index.ts'
import { type Challenge, formatChallenge } from '../tpm/help-desk.ts'

/** A vault with its owner in this process: the owner can read facts about the card, and a help desk can unblock it. */
export interface LocalVault extends Vault {
  /** Current values: cards can be renamed. */
  readonly card: {
    readonly cardId: Uint8Array
    readonly name: string
    /** ISO 8601. */
    readonly created: string
    readonly assurance: 'hardware' | 'software'
    readonly pinRules?: PinRules | undefined
    /** That of Tessera unless said otherwise. */
    readonly model?: Model | undefined
    readonly flags: { readonly mustChangePin: boolean; readonly defaults: readonly DefaultSecret[] }
  }
  readonly pins: PinVault & {
    challenge(): Promise<Challenge>
    unblockWithResponse(response: string, newPin: Uint8Array): Promise<void>
  }
  /** What the TPM says of the card, where it is in one. */
  readonly attestor?: CardAttestor
}

export interface LocalOptions {
  /** Set while a card is prepared for its first user: its keys work before the first PIN has been changed. */
  readonly firstPinServes?: boolean | undefined
}

export function localChannel(vault: LocalVault, { firstPinServes = false }: LocalOptions = {}): CardChannel {
  const mustChangePin = () => vault.card.flags.mustChangePin && !firstPinServes
  const application = new CardApplication({
    vault,
    identity: () => {
      const { cardId, name, created, assurance, model } = vault.card
      return { cardId, name, created: new Date(created), assurance, model }
    },
    mustChangePin: () => mustChangePin() && !trustsPin(vault.card),
    pinRules: () => vault.card.pinRules,
    defaults: () => vault.card.flags.defaults,
  })
  return new InProcessChannel(application, localCard(vault, application, mustChangePin), () => vault.close())
}

/**
 * Whether programs at the card edge may use keys with the default PIN; a PIN that somebody chose and wants changed has to
 * be. Commands of Tessera ask `LocalCard` as well, so the default PIN serves no key there whatever the model.
 */
const trustsPin = (card: LocalVault['card']): boolean =>
  FIRST_STATE[modelOf(card)].trustsDefaults && card.flags.defaults.includes('pin')

/** The owner of the card file manages keys and certificates with the PIN alone. */
function localCard(vault: LocalVault, application: CardApplication, mustChangePin: () => boolean): LocalCard {
  const { pins } = vault
  const { security } = application
  const grant = async () => {
    await pins.disarm()
    // Authentication with the admin key outlasts the PIN.
    if (security.admin) return
    if (!pins.unlocked) throw pinRequired()
    security.grantAdmin(() => pins.unlocked)
  }
  /**
   * None of this uses an `always` key, so an earlier VERIFY, which counts only for the very next command, ends here.
   */
  const disarmed = async <T>(work: () => Promise<T>): Promise<T> => {
    await pins.disarm()
    return work()
  }
  return {
    name: vault.card.name,
    assurance: vault.card.assurance,
    grant,
    mustChangePin,
    triesKnown: (which) => triesKnown(application.counters[which]),
    async removeAdminKey() {
      await grant()
      await vault.admin.remove()
    },
    attest: (slot, options) =>
      disarmed(() => attestKey(vault.attestor, vault.keys.find(parseSlot(slot)), parseSlot(slot), options)),
    objects: () => [...new Set([...initialObjects(modelOf(vault.card)), ...vault.objects.tags()])].sort(),
    challenge: () => disarmed(async () => formatChallenge(await pins.challenge())),
    unblockWithResponse: (response, newPin) =>
      disarmed(async () => {
        // As at the card edge: the default PIN is public.
        if (isFirst(modelOf(vault.card), 'pin', newPin)) throw refusal('unblockPin', { sw: SW.CONDITIONS_OF_USE })
        checkNewPin(newPin, vault.card.pinRules)
        await pins.unblockWithResponse(response, newPin)
      }),
  }
}

function triesKnown(counter: TryCounter | undefined): TriesKnown {
  if (counter?.left === undefined) return 'unknown'
  return counter.advisory ? 'remembered' : 'known'
}

const pinRequired = () => new PinError('ERR_PIN_REQUIRED', 'Changing the card needs its PIN. Verify the PIN first.')
