// A TPM card in this process as a channel: its card application, and beside it what PIV has no command for.
import { copyOf, wipe } from './bytes.ts'
import type { CardChannel, LocalCard, Tries } from './channel.ts'
import { PinError } from './errors.ts'
import { ADMIN_ALGORITHMS } from './piv/algorithms.ts'
import { CardApplication } from './piv/card/application.ts'
import { InProcessChannel } from './piv/card/channel.ts'
import { adminAlgorithmOf } from './piv/host/admin.ts'
import { parseSlot } from './piv/slots.ts'
import { formatChallenge } from './tpm/help-desk.ts'
import type { TpmVault } from './tpm/vault/vault.ts'

export function localChannel(vault: TpmVault): CardChannel {
  const application = new CardApplication({
    vault,
    identity: () => ({ cardId: vault.card.cardId, name: vault.card.name, created: new Date(vault.card.created) }),
    mustChangePin: () => vault.card.flags.mustChangePin,
  })
  return new InProcessChannel(application, localCard(vault, application), () => vault.close())
}

/** Who owns the card file: the PIN alone lets him manage keys and certificates. */
function localCard(vault: TpmVault, { security }: CardApplication): LocalCard {
  const { pins, keys } = vault
  const manage = () => {
    if (pins.unlocked) security.grantAdmin(() => pins.unlocked)
    else if (!security.admin) throw pinRequired()
  }
  /** Nothing here is the use of an `always` key: VERIFY counts for the very next command alone. */
  const managed = async <T>(work: () => Promise<T>): Promise<T> => {
    await pins.disarm()
    manage()
    return work()
  }
  const tries = async <T extends Tries | undefined>(read: () => Promise<T>): Promise<T> => {
    await pins.disarm()
    return read()
  }
  return {
    name: vault.card.name,
    assurance: vault.card.assurance,
    manage,
    pinTries: () => tries(() => pins.pinCounter()),
    pukTries: () => tries(() => pins.pukCounter()),
    mustChangePin: () => vault.card.flags.mustChangePin,
    keys: () => keys.list(),
    challenge: async () => formatChallenge(await pins.challenge()),
    unblockWithResponse: (response, newPin) => pins.unblockWithResponse(response, newPin),
    importKey: async (slot, pkcs8, policy) => {
      await managed(() => keys.import(parseSlot(slot), pkcs8, policy))
    },
    deleteKey: (slot) => managed(() => keys.delete(parseSlot(slot))),
    moveKey: (from, to) => managed(() => keys.move(parseSlot(from), parseSlot(to))),
    setAdminKey: async (given) => {
      const { algorithm } = adminAlgorithmOf(given)
      const key = copyOf(given)
      try {
        await managed(() => vault.admin.replace(ADMIN_ALGORITHMS[algorithm].id, key))
      } finally {
        wipe(key)
      }
    },
  }
}

const pinRequired = () => new PinError('ERR_PIN_REQUIRED', 'Changing a card wants its PIN. Verify the PIN first.')
