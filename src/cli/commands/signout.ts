import { SignInError, UsageError } from '../../errors.ts'
import { accounts, signOutElsewhere } from '../../signin/accounts.ts'
import type { Run } from '../context.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async ({ out }, named?: string) => {
  const address = named ?? (await onlySignedIn())
  const { reason, told } = await signOutElsewhere(address)
  await out.done({ signedOut: address, told }, TEXT.signIn.ended[reason](address, told))
}

/** @throws SignInError ERR_SIGNED_OUT; UsageError ERR_USAGE */
async function onlySignedIn(): Promise<string> {
  const signedIn = (await accounts()).flatMap((one) => ('address' in one && one.signedIn ? [one.address] : []))
  const [only, ...others] = signedIn
  if (only === undefined) throw new SignInError('ERR_SIGNED_OUT', TEXT.signIn.nobodySignedIn)
  if (others.length > 0) throw new UsageError('ERR_USAGE', TEXT.signIn.severalSignedIn(signedIn))
  return only
}
