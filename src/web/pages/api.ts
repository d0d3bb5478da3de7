// What the page asks of its server.
import { FORM_TYPE, type Shown, type ShownError } from '../shown.ts'

/** Undefined: it is done. A word: the server did not take it. */
export type Outcome = undefined | ShownError | { readonly refused: string }

/** The form's octets are overwritten once they are sent. */
export async function act(name: string, fields: Readonly<Record<string, string>>): Promise<Outcome> {
  const lines = Object.entries(fields).map(([field, value]) => `${field}=${value}`)
  const body = new TextEncoder().encode(lines.join('\n'))
  try {
    const response = await fetch(`/api/${name}`, { method: 'POST', headers: { 'Content-Type': FORM_TYPE }, body })
    if (response.ok) return undefined
    const { error, refused } = (await response.json()) as { error?: ShownError; refused?: string }
    return error ?? { refused: refused ?? 'answer' }
  } catch {
    return { refused: 'network' }
  } finally {
    body.fill(0)
  }
}

/** Exchanges the token in the address for a session, and takes it out of the address and the history. */
export async function beginSession(): Promise<void> {
  const token = location.hash.slice(1)
  if (token === '') return
  history.replaceState(null, '', location.pathname)
  await act('session', { token })
}

export type Gone = 'ended' | 'session' | 'moved'

export function follow(onCards: (shown: Shown) => void, onGone: (why: Gone | undefined) => void): void {
  const events = new EventSource('/api/events')
  events.addEventListener('open', () => onGone(undefined))
  events.addEventListener('cards', ({ data }) => onCards(JSON.parse(data) as Shown))
  events.addEventListener('moved', () => {
    events.close()
    onGone('moved')
  })
  // An answer that is no stream ends it; where nobody answers it goes on trying.
  events.addEventListener('error', () => onGone(events.readyState === EventSource.CLOSED ? 'session' : 'ended'))
}
