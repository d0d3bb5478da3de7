// Sign-in at the command line: options, and sessions in words and as JSON.

import { clock } from '../dates.ts'
import type { AccountSummary } from '../signin/accounts.ts'
import type { BackgroundOptions } from '../signin/background.ts'
import { pemOf } from '../x509/pem.ts'
import { certificatesIn } from './ca.ts'
import { type Context, given } from './context.ts'
import { table } from './layout.ts'
import { TEXT } from './messages.ts'
import { errorJson, type Json } from './output.ts'
import { askPinOf } from './pin.ts'
import { plain } from './plain.ts'

const { signIn } = TEXT

/** @throws CardError ERR_DATA for a malformed CA file */
export async function signInOptions(context: Context, address: string): Promise<BackgroundOptions> {
  const { options, out, signal } = context
  const { service, card, signInSlot: slot, method, serviceCaFile, tcti, lastTry, waitForCard } = options
  const trust = serviceCaFile === undefined ? undefined : await certificatesIn(context, serviceCaFile, '--ca-file')
  const ca = trust?.map(pemOf).join('')
  return {
    ...{ address, signal, minTriesLeft: lastTry ? 0 : 2, ...given({ service, card, slot, method, ca, tcti }) },
    pin: ({ card: name = '', triesLeft }) => askPinOf(context, name, triesLeft),
    ...(waitForCard && { onWait: ({ message }) => void out.note(signIn.waiting(message)) }),
  }
}

export function accountJson(account: AccountSummary): Json {
  if ('error' in account) return { path: account.path, error: errorJson(account.error) }
  const { card, lastSignIn, signedIn, ended, ...facts } = account
  const { kind, id, name } = card
  return {
    ...{ ...facts, card: { kind, id, name }, lastSignIn: lastSignIn.toISOString() },
    signedIn:
      signedIn === undefined
        ? null
        : {
            ...{ pid: signedIn.pid, since: signedIn.since.toISOString(), expires: signedIn.expires.toISOString() },
            ...{ background: signedIn.background, socket: signedIn.socket ?? null },
          },
    ended: ended === undefined ? null : { at: ended.at.toISOString(), reason: ended.reason },
  }
}

export const accountsText = (accounts: readonly AccountSummary[], width?: number): string =>
  table(signIn.columns, accounts.map(accountRow), width)

function accountRow(account: AccountSummary): string[] {
  if ('error' in account) return [plain(account.path), signIn.unreadable, '-', '-', '-', '-', account.error.code]
  const { address, service, method, card, slot, lastSignIn } = account
  return [plain(address), stateOf(account), plain(service), method, plain(card.name), slot, clock(lastSignIn)]
}

function stateOf({ signedIn, ended }: Exclude<AccountSummary, { readonly error: unknown }>): string {
  if (signedIn !== undefined) return signIn.signedIn(clock(signedIn.since), signedIn.pid, signedIn.background)
  return ended === undefined ? signIn.notSignedIn : signIn.endedAt(signIn.reasons[ended.reason], clock(ended.at))
}
