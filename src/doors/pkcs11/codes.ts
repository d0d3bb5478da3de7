// Numbers of PKCS #11 v3.1, appendix A, as far as they are used here.

export const CKR = {
  CKR_GENERAL_ERROR: 0x05,
  CKR_SLOT_ID_INVALID: 0x03,
  CKR_ARGUMENTS_BAD: 0x07,
  CKR_NO_EVENT: 0x08,
  CKR_ATTRIBUTE_SENSITIVE: 0x11,
  CKR_ATTRIBUTE_TYPE_INVALID: 0x12,
  CKR_ATTRIBUTE_VALUE_INVALID: 0x13,
  CKR_ACTION_PROHIBITED: 0x1b,
  CKR_DATA_INVALID: 0x20,
  CKR_DATA_LEN_RANGE: 0x21,
  CKR_DEVICE_ERROR: 0x30,
  CKR_DEVICE_MEMORY: 0x31,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_ENCRYPTED_DATA_INVALID: 0x40,
  CKR_FUNCTION_NOT_SUPPORTED: 0x54,
  CKR_KEY_HANDLE_INVALID: 0x60,
  CKR_KEY_TYPE_INCONSISTENT: 0x63,
  CKR_MECHANISM_INVALID: 0x70,
  CKR_MECHANISM_PARAM_INVALID: 0x71,
  CKR_OBJECT_HANDLE_INVALID: 0x82,
  CKR_OPERATION_ACTIVE: 0x90,
  CKR_OPERATION_NOT_INITIALIZED: 0x91,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_EXPIRED: 0xa3,
  CKR_PIN_LOCKED: 0xa4,
  CKR_SESSION_COUNT: 0xb1,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_SESSION_PARALLEL_NOT_SUPPORTED: 0xb4,
  CKR_SESSION_READ_ONLY: 0xb5,
  CKR_SESSION_READ_ONLY_EXISTS: 0xb7,
  CKR_SESSION_READ_WRITE_SO_EXISTS: 0xb8,
  CKR_TEMPLATE_INCOMPLETE: 0xd0,
  CKR_TEMPLATE_INCONSISTENT: 0xd1,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_TOKEN_WRITE_PROTECTED: 0xe2,
  CKR_USER_ALREADY_LOGGED_IN: 0x100,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CKR_USER_PIN_NOT_INITIALIZED: 0x102,
  CKR_USER_TYPE_INVALID: 0x103,
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN: 0x104,
  CKR_RANDOM_SEED_NOT_SUPPORTED: 0x120,
  CKR_CURVE_NOT_SUPPORTED: 0x140,
  CKR_BUFFER_TOO_SMALL: 0x150,
  CKR_CRYPTOKI_NOT_INITIALIZED: 0x190,
  CKR_CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const
export type Ckr = keyof typeof CKR

/** Ends a call with that return value. */
export class CkrError extends Error {
  override name = 'CkrError'
  readonly ckr: Ckr

  constructor(ckr: Ckr) {
    super(ckr)
    this.ckr = ckr
  }
}

/** CK_UNAVAILABLE_INFORMATION: all bits set. */
export const UNAVAILABLE = -1

export const CKU = { so: 0, user: 1, contextSpecific: 2 } as const
export const CKO = { data: 0, certificate: 1, publicKey: 2, privateKey: 3, secretKey: 4 } as const
export const CKK = { rsa: 0, ec: 3, genericSecret: 0x10 } as const
export const CKC = { x509: 0 } as const
export const CERTIFICATE_CATEGORY = { user: 1, authority: 2 } as const
export const CKS = { readOnlyPublic: 0, readOnlyUser: 1, writePublic: 2, writeUser: 3, writeSo: 4 } as const

/** Flags of a slot, a token, a session and a mechanism: each kind has its own. */
export const SLOT_FLAG = { tokenPresent: 0x01, removable: 0x02, hardware: 0x04 } as const
export const TOKEN_FLAG = {
  rng: 0x01,
  loginRequired: 0x04,
  userPinInitialized: 0x08,
  tokenInitialized: 0x400,
  userPinCountLow: 0x1_0000,
  userPinFinalTry: 0x2_0000,
  userPinLocked: 0x4_0000,
  userPinToBeChanged: 0x8_0000,
  soPinCountLow: 0x10_0000,
  soPinFinalTry: 0x20_0000,
  soPinLocked: 0x40_0000,
} as const
export const SESSION_FLAG = { write: 0x02, serial: 0x04 } as const
export const MECHANISM_FLAG = {
  hardware: 0x01,
  decrypt: 0x200,
  sign: 0x800,
  generateKeyPair: 0x1_0000,
  derive: 0x8_0000,
  /** Curves over a prime field, by their names, with points in the uncompressed form. */
  curves: 0x10_0000 | 0x80_0000 | 0x100_0000,
} as const
