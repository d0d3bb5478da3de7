import { accounts } from '../../signin/accounts.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'
import { plain } from '../plain.ts'
import { accountJson, accountsText } from '../signin.ts'

export const run: Run = async ({ out }) => {
  const known = await accounts()
  if (known.length === 0) {
    await out.done([], TEXT.signIn.noAccounts)
    return
  }
  const addresses = known.flatMap((one) => ('address' in one ? [`${plain(one.address)}\n`] : [])).join('')
  await out.result(known.map(accountJson), out.mode.quiet ? addresses : accountsText(known, out.width))
  for (const one of known) if ('error' in one) await out.warn(one.error.message)
}
