// Why the service says no: a code for programs, and words for people. docs/relying-party.md has the same table.

/** Status of HTTP, and what to say where nothing more is known. */
export const REFUSALS = {
  'no-certificate': [401, 'Nobody is signed in: no certificate was shown. Sign in with your card and try again.'],
  untrusted: [401, 'The certificate was not issued by a CA that this service trusts. Choose another certificate.'],
  expired: [401, 'The certificate has expired. Renew it.'],
  'not-yet-valid': [401, 'The certificate is not valid yet. Check the clock of whoever issued it.'],
  revoked: [401, 'The certificate was revoked. Ask for a new one.'],
  'wrong-purpose': [401, 'The certificate is not for signing in. Choose one for client authentication.'],
  'unknown-user': [401, 'The certificate is good, but this service does not know its user.'],
  'bad-signature': [401, 'What was sent is no signed answer to a challenge of this service.'],
  'stale-challenge': [401, 'The challenge has expired, or was not made here for this address. Ask for a new one.'],
  'used-challenge': [401, 'The challenge was answered before. Ask for a new one.'],
  'wrong-audience': [401, 'The answer is meant for another service.'],
  'wrong-channel': [401, 'The answer was signed over a connection to another server. Somebody may be in between.'],
  'signed-out': [401, 'You are signed out. Sign in again.'],
  'bad-request': [400, 'This service does not understand what was sent.'],
  'not-found': [404, 'There is nothing here. The page is at /.'],
  'wrong-method': [405, 'That cannot be done here.'],
  'too-large': [413, 'What was sent is too long.'],
  'wrong-type': [415, 'What is sent here has to be JSON (Content-Type: application/json).'],
  busy: [503, 'Too many sign-ins at once. Try again in a minute.'],
  'revocation-unknown': [503, 'Nobody can be let in now: the list of revoked certificates cannot be had.'],
  failed: [500, 'Something went wrong here. The service has written down what.'],
} as const satisfies Record<string, readonly [status: number, words: string]>

export type RefusalCode = keyof typeof REFUSALS

export class Refusal extends Error {
  readonly code: RefusalCode
  /** For the log alone. */
  readonly detail: string

  /** `words`: instead of those of the table; they must not quote what a client sent unless it was checked. */
  constructor(code: RefusalCode, { words, detail = '' }: { readonly words?: string; readonly detail?: string } = {}) {
    super(words ?? REFUSALS[code][1])
    this.code = code
    this.detail = detail
  }

  get status(): number {
    return REFUSALS[this.code][0]
  }
}
