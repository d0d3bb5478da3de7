// TPM response codes, decoded by layer and by subject. TPM 2.0 Library, Part 2, 6.6.

/** Format-one codes: about a handle, a parameter or a session. */
const FORMAT_ONE: Record<number, string> = {
  1: 'ASYMMETRIC',
  2: 'ATTRIBUTES',
  3: 'HASH',
  4: 'VALUE',
  5: 'HIERARCHY',
  7: 'KEY_SIZE',
  8: 'MGF',
  9: 'MODE',
  10: 'TYPE',
  11: 'HANDLE',
  12: 'KDF',
  13: 'RANGE',
  14: 'AUTH_FAIL',
  15: 'NONCE',
  16: 'PP',
  18: 'SCHEME',
  21: 'SIZE',
  22: 'SYMMETRIC',
  23: 'TAG',
  24: 'SELECTOR',
  26: 'INSUFFICIENT',
  27: 'SIGNATURE',
  28: 'KEY',
  29: 'POLICY_FAIL',
  31: 'INTEGRITY',
  32: 'TICKET',
  33: 'RESERVED_BITS',
  34: 'BAD_AUTH',
  35: 'EXPIRED',
  36: 'POLICY_CC',
  37: 'BINDING',
  38: 'CURVE',
  39: 'ECC_POINT',
}

/** Format-zero errors (0x100) and warnings (0x900). */
const FORMAT_ZERO: Record<number, string> = {
  256: 'INITIALIZE',
  257: 'FAILURE',
  259: 'SEQUENCE',
  288: 'DISABLED',
  289: 'EXCLUSIVE',
  292: 'AUTH_TYPE',
  293: 'AUTH_MISSING',
  294: 'POLICY',
  295: 'PCR',
  296: 'PCR_CHANGED',
  301: 'UPGRADE',
  302: 'TOO_MANY_CONTEXTS',
  303: 'AUTH_UNAVAILABLE',
  304: 'REBOOT',
  305: 'UNBALANCED',
  322: 'COMMAND_SIZE',
  323: 'COMMAND_CODE',
  324: 'AUTHSIZE',
  325: 'AUTH_CONTEXT',
  326: 'NV_RANGE',
  327: 'NV_SIZE',
  328: 'NV_LOCKED',
  329: 'NV_AUTHORIZATION',
  330: 'NV_UNINITIALIZED',
  331: 'NV_SPACE',
  332: 'NV_DEFINED',
  336: 'BAD_CONTEXT',
  337: 'CPHASH',
  338: 'PARENT',
  339: 'NEEDS_TEST',
  340: 'NO_RESULT',
  341: 'SENSITIVE',
  2305: 'CONTEXT_GAP',
  2306: 'OBJECT_MEMORY',
  2307: 'SESSION_MEMORY',
  2308: 'MEMORY',
  2309: 'SESSION_HANDLES',
  2310: 'OBJECT_HANDLES',
  2311: 'LOCALITY',
  2312: 'YIELDED',
  2313: 'CANCELED',
  2314: 'TESTING',
  2336: 'NV_RATE',
  2337: 'LOCKOUT',
  2338: 'RETRY',
  2339: 'NV_UNAVAILABLE',
}

export interface ResponseCode {
  /** `BAD_AUTH`, `HANDLE`, `REFERENCE_S0` and the like, without TPM_RC_; `0x…` for codes without a name here. */
  readonly name: string
  /** What the code refers to, if anything: `handle 1`, `parameter 2`, `session 1`. */
  readonly position: string | undefined
}

/** Takes a TPM response code (layer bits zero) apart. */
export function decodeResponseCode(rc: number): ResponseCode {
  if ((rc & 0x080) !== 0) {
    const number = (rc >> 8) & 0x7
    const position =
      (rc & 0x040) !== 0
        ? `parameter ${(rc >> 8) & 0xf}`
        : number === 0
          ? undefined
          : `${(rc & 0x800) !== 0 ? 'session' : 'handle'} ${number}`
    return { name: FORMAT_ONE[rc & 0x3f] ?? `0x${rc.toString(16)}`, position }
  }
  if (rc >= 0x910 && rc <= 0x916) return { name: `REFERENCE_H${rc - 0x910}`, position: `handle ${rc - 0x910 + 1}` }
  if (rc >= 0x918 && rc <= 0x91e) return { name: `REFERENCE_S${rc - 0x918}`, position: `session ${rc - 0x918 + 1}` }
  return { name: FORMAT_ZERO[rc] ?? `0x${rc.toString(16)}`, position: undefined }
}
