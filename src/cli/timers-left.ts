// Renewal timers of a card whose name or certificates are gone.
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'
import { slotsWithTimer } from './renewal-timer.ts'

/** Warns of each timer that was installed for the card `name`. @param newName what the card is called now, if it was renamed */
export async function warnOfTimers({ out }: Pick<Context, 'out'>, name: string, newName?: string): Promise<void> {
  for (const slot of await slotsWithTimer(name)) {
    await out.warn(newName === undefined ? TEXT.timer.left(name, slot) : TEXT.timer.renamed(name, slot, newName))
  }
}
