// Rejections of the native layer, turned into errors that say what to do.
import { CardError, type ErrorCode, isError, TpmError } from '../errors.ts'
import type { NativeFailure } from '../native.ts'
import { decodeResponseCode } from './response-code.ts'

type TpmCode = ConstructorParameters<typeof TpmError>[0]

/** Reasons of native/common/failure.h, by layer. The native text already says what failed, why, and what to do. */
const REASONS: Record<string, Record<string, TpmCode>> = {
  tcti: {
    absent: 'ERR_TPM_ABSENT',
    permission: 'ERR_TPM_PERMISSION',
    busy: 'ERR_TPM_BUSY',
    gone: 'ERR_TPM_GONE',
    timeout: 'ERR_TPM_TIMEOUT',
    answer: 'ERR_TPM_ANSWER',
    usage: 'ERR_TCTI',
  },
  session: { forged: 'ERR_TPM_TAMPERED', gone: 'ERR_TPM_GONE', usage: 'ERR_TPM_SRK', openssl: 'ERR_TPM_LIBRARY' },
  library: { missing: 'ERR_TPM_LIBRARY' },
  state: {
    absent: 'ERR_TPM_STATE_ABSENT',
    permission: 'ERR_TPM_PERMISSION',
    busy: 'ERR_TPM_BUSY',
  },
}

/** TPM response codes with the same meaning for every command. */
const RESPONSES: Record<string, readonly [TpmCode, string]> = {
  LOCKOUT: [
    'ERR_TPM_LOCKOUT',
    'The TPM is in dictionary-attack lockout. Wait for it to end, or have its owner reset it (tpm2_dictionarylockout -c). Cards of Tessera do not cause it and keep working in it.',
  ],
  NV_SPACE: [
    'ERR_TPM_NV_FULL',
    'The TPM has no room for another card. Destroy a card that is not needed (tessera destroy NAME), or free NV indices of other programs (tpm2_nvundefine).',
  ],
  SESSION_MEMORY: [
    'ERR_TPM_MEMORY',
    'The TPM has no room for a session: other programs hold them. Close them, use the resource manager (device:/dev/tpmrm0), or flush what is left over: tpm2_flushcontext -l.',
  ],
  SESSION_HANDLES: [
    'ERR_TPM_MEMORY',
    'The TPM has no handle left for a session. Flush what is left over: tpm2_flushcontext -l and -s.',
  ],
  FAILURE: [
    'ERR_TPM_FAILURE',
    'The TPM is in failure mode. Restart the machine (a simulator: restart it). The embedded TPM fails where OpenSSL is limited, by OPENSSL_CONF or FIPS mode: start the program without that.',
  ],
}

/** One of our own errors may look alike (TpmError has a layer and an rc), and was converted before. */
const isNative = (error: unknown): error is NativeFailure =>
  isError(error) && !(error instanceof CardError) && 'layer' in error && 'rc' in error

/** The typed error for a rejection of a native call; anything else is returned unchanged. */
export function fromNative(error: unknown): unknown {
  if (!isNative(error)) return error
  const { layer, rc, reason, command, message } = error
  if (layer === 'closed') return new CardError('ERR_CARD_CLOSED', message, { cause: error })
  const details = { cause: error, layer, rc, ...(command === undefined ? {} : { command }) }
  if (layer !== 'tpm') {
    const fallback = layer === 'state' ? 'ERR_TPM_STATE' : 'ERR_TPM'
    return new TpmError(REASONS[layer]?.[reason] ?? fallback, message, details)
  }
  const { name, position } = decodeResponseCode(rc)
  const [code, advice] = RESPONSES[name] ?? ['ERR_TPM', 'If it happens again, run: tessera doctor.']
  const subject = position === undefined ? '' : ` about ${position}`
  const call = command === undefined ? 'The TPM' : `TPM2_${command}`
  const text = `${call} answered TPM_RC_${name} (0x${rc.toString(16)})${subject}. ${advice}`
  return new TpmError(code, text, { ...details, response: name, ...(position === undefined ? {} : { position }) })
}

/** Name of the TPM response code in an error, without TPM_RC_; undefined for errors without one. */
export function responseOf(error: unknown): string | undefined {
  return error instanceof TpmError ? error.response : undefined
}

const LOST: readonly ErrorCode[] = [
  'ERR_TPM_GONE',
  'ERR_TPM_TIMEOUT',
  'ERR_TPM_STATE',
  'ERR_TPM_STATE_ABSENT',
  // It is unknown what the TPM has done and now has loaded, perhaps under a handle that was never seen here.
  'ERR_TPM_ANSWER',
  'ERR_TPM_TAMPERED',
  'ERR_TPM_MEMORY',
]

/** True where the TPM, or the connection, has lost what was loaded: sessions, keys, tickets. The next call connects anew. */
export function isLoss(error: unknown): boolean {
  return error instanceof CardError && LOST.includes(error.code)
}

/** True where a handle or session of ours no longer exists: the TPM was reset, or another program flushed it. */
export function isStale(error: unknown): boolean {
  const name = responseOf(error)
  return name !== undefined && (name.startsWith('REFERENCE_') || name === 'HANDLE')
}
