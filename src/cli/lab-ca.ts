// Shared by the commands of the laboratory CA.
import { join } from 'node:path'
import { clock } from '../dates.ts'
import { UsageError } from '../errors.ts'
import { defaultHome } from '../home/home.ts'
import {
  type Entry,
  openRegistrationAuthority,
  type RegistrationAuthority,
  serialOf,
} from '../lab-ca/registration-authority.ts'
import type { Context } from './context.ts'
import { table } from './layout.ts'
import { TEXT } from './messages.ts'
import type { Json } from './output.ts'

export const caDirectory = ({ options }: Context): string => options.directory ?? join(defaultHome(), 'lab-ca')

/** Opens the CA that the options name, whether its server runs or not. @throws UsageError ERR_USAGE */
export const registrationOf = (context: Context): Promise<RegistrationAuthority> =>
  openRegistrationAuthority(caDirectory(context))

/** @throws UsageError ERR_USAGE */
export function requestId(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text)
  throw new UsageError('ERR_USAGE', TEXT.error.requestId(text.slice(0, 40)))
}

export function entryJson({ id, state, user, by, template, received, reason, certificate }: Entry): Json {
  const serial = certificate === undefined ? null : serialOf(certificate)
  return { id, state, user, by: by ?? null, template, received, serial, reason: reason ?? null }
}

export function entriesText(entries: readonly Entry[], width?: number): string {
  const { columns: head, states } = TEXT.labCa
  const lines = entries.map(({ id, state, user, by, template, received, reason, certificate }) => {
    const last = certificate === undefined ? (reason ?? '') : serialOf(certificate)
    return [
      String(id),
      states[state],
      by === undefined ? user : TEXT.labCa.onBehalf(user, by),
      template,
      clock(new Date(received)),
      last,
    ]
  })
  return table(head, lines, width)
}
