import { forget } from '../../signin/accounts.ts'
import { checkAddress } from '../../signin/address.ts'
import { confirm, type Run } from '../context.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async (context, address) => {
  checkAddress(address)
  await confirm(context, TEXT.signIn.forget(address))
  const { signedOut } = await forget(address)
  await context.out.done({ forgotten: address, signedOut }, TEXT.signIn.forgotten(address, signedOut))
}
