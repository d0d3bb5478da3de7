// The owner password of the TPM: asked for only if the TPM requires it, to create and to destroy a card.
import { TpmError } from '../errors.ts'
import type { Context } from './context.ts'
import { TEXT } from './messages.ts'

const OPTION = '--owner-password-file'

/** Runs `work` without a password; if the TPM requires one, asks the user and runs it once more. */
export async function withOwnerPassword<Result>(
  context: Context,
  work: (ownerPassword: Uint8Array | undefined) => Promise<Result>,
): Promise<Result> {
  const what = TEXT.what.ownerPassword
  const path = context.options.ownerPasswordFile
  if (path !== undefined) return work(await context.secrets.fromFile(path, OPTION, what))
  try {
    return await work(undefined)
  } catch (error) {
    const wanted = error instanceof TpmError && error.code === 'ERR_TPM_OWNER_AUTH'
    if (!wanted || context.terminal() === undefined) throw error
  }
  return work(await context.secrets.prompt({ what, prompt: TEXT.prompt.ownerPassword, option: OPTION }))
}
