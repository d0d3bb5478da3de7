// The secrets of a new card, from the options of `create`.
import { wipe } from '../bytes.ts'
import { UsageError } from '../errors.ts'
import type { AdminKey } from '../piv/host/admin.ts'
import { resolveTcti } from '../tpm/tcti.ts'
import { adminKeyIn } from './admin-key.ts'
import { type Context, given } from './context.ts'
import { readPublicKey } from './files.ts'
import { TEXT } from './messages.ts'
import { newPin, newPuk } from './pin.ts'
import { standing } from './secrets.ts'

const QUESTIONS = { pin: newPin, puk: newPuk } as const

/** The secret of --pin or --puk; undefined for the default one. The caller handles `none`. */
async function firstSecret(context: Context, kind: 'pin' | 'puk'): Promise<Uint8Array | undefined> {
  const said = context.options[kind]
  const question = { ...QUESTIONS[kind], option: `--${kind}` }
  if (said === undefined || said === 'default') return undefined
  if (said === 'prompt') return context.secrets.promptNew(question)
  const secret = await context.secrets.fromFile(said, question.option, question.what)
  wipe(question.check(secret))
  return context.secrets.warned(question, secret)
}

/**
 * The first PIN, for a command that needs it again after a wait: it is then read from its file again, or typed once more.
 */
function firstPin(context: Context): () => Promise<Uint8Array | undefined> {
  const { options, secrets } = context
  let taken = false
  return standing(secrets, async () => {
    if (!taken) {
      taken = true
      return firstSecret(context, 'pin')
    }
    const { pin = 'default' } = options
    const question = { ...newPin, option: '--pin' }
    if (pin === 'default') return undefined
    return pin === 'prompt' ? secrets.prompt(question) : secrets.fromFile(pin, question.option, question.what)
  })
}

/** The key of --admin-key; undefined for the default one. A file has it in hexadecimal digits. */
async function adminKey(context: Context): Promise<AdminKey | 'random' | undefined> {
  const said = context.options.adminKey
  if (said === undefined || said === 'default') return undefined
  if (said === 'random') return 'random'
  return adminKeyIn(context, said, '--admin-key')
}

/** The options of a new card; `pin` gives its PIN again after a wait; `announced` is printed if no option names the TPM. @throws UsageError ERR_USAGE */
export async function newCard(context: Context, name: string) {
  const { options } = context
  if (options.pinFile !== undefined) throw new UsageError('ERR_USAGE', TEXT.error.createPinFile)
  const noPuk = options.puk === 'none'
  const { tcti, announced } = resolveTcti(options.tcti)
  const pin = firstPin(context)
  const chosen = {
    ...{ name, tcti, noPuk },
    ...given({
      model: options.as,
      pin: await pin(),
      puk: noPuk ? undefined : await firstSecret(context, 'puk'),
      adminKey: await adminKey(context),
      helpDeskPublicKey: options.helpDeskKey ? await readPublicKey(context, options.helpDeskKey) : undefined,
      pinPolicy: options.newPinPolicy,
      minPinLength: options.minPinLength,
      pinTries: options.pinTries,
      pukTries: options.pukTries,
      mustChangePin: options.mustChangePin,
      unlockMinutes: options.unlockFor,
    }),
  }
  return { chosen, pin, announced }
}
