// A card for one program: in a home and a TPM of its own, which are gone with it.
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { createCard } from '../cards/index.ts'
import { selfSign } from '../enroll/self-sign.ts'
import { CardError, UsageError } from '../errors.ts'
import { pinWeakness } from '../piv/pin-quality.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'
import { READER } from './select.ts'

const TCTI = 'embedded:'
const SLOT = '9a'

export interface ThrowAwayCard {
  readonly name: string
  readonly home: string
  /** For the program: where Tessera finds the card, and its PIN. */
  readonly env: { readonly TESSERA_HOME: string; readonly TESSERA_PIN: string }
}

/**
 * Makes a card with a key and a self-signed certificate in 9a. Its PIN protects nothing that outlives the program, which
 * gets it.
 * @param folder of this run alone, removed at its end
 * @throws UsageError ERR_USAGE; CardError ERR_NOT_SUPPORTED; as `createCard`
 */
export async function makeThrowAwayCard({ options, out }: Context, folder: string): Promise<ThrowAwayCard> {
  const { card: name = 'work', tcti = TCTI } = options
  if (name.startsWith(READER)) throw new CardError('ERR_NOT_SUPPORTED', TEXT.error.reader)
  if (tcti !== TCTI) throw new UsageError('ERR_USAGE', TEXT.error.createTcti)
  const [home, pin] = [join(folder, 'home'), randomPin()]
  const card = await createCard({ name, home, tcti, pin })
  try {
    await card.verifyPin(pin)
    await card.generateKey(SLOT)
    await selfSign(card, SLOT, { pin })
  } finally {
    await card.close()
  }
  await out.note(TEXT.done.throwAway(name, pin))
  return { name, home, env: { TESSERA_HOME: home, TESSERA_PIN: pin } }
}

/** Eight digits that nobody calls weak. */
function randomPin(): string {
  for (;;) {
    const pin = String(randomInt(100_000_000)).padStart(8, '0')
    if (pinWeakness(Buffer.from(pin)) === undefined) return pin
  }
}
