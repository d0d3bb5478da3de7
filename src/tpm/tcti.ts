// Which TPM: an explicit choice, the device of this machine, or an announced simulator; never a silent fallback.
import { existsSync } from 'node:fs'

export interface TctiChoice {
  readonly tcti: string
  /** Why this one, where it was not chosen explicitly: to be announced. */
  readonly announced?: string
}

const DEVICE = '/dev/tpmrm0'

/** The TCTI string that was given: `explicit`, else $TESSERA_TCTI. */
export function explicitTcti(explicit: string | undefined, environment = process.env): string | undefined {
  return explicit ?? (environment.TESSERA_TCTI || undefined)
}

/** The TPM for a new card. It may still fail to open: a missing permission is an error, not a reason to try another. */
export function resolveTcti(explicit?: string, environment = process.env): TctiChoice {
  const asked = explicitTcti(explicit, environment)
  if (asked !== undefined) return { tcti: asked }
  if (existsSync(DEVICE)) return { tcti: `device:${DEVICE}`, announced: `Using the TPM of this machine (${DEVICE}).` }
  return {
    tcti: 'embedded:',
    announced:
      'There is no TPM on this machine: using a simulated one in software (embedded:). It protects against mistakes, not against thieves.',
  }
}
