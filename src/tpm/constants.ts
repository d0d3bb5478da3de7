// Constants of the TPM 2.0 Library, Part 2. Only those that are used.

/** Algorithm identifiers, Part 2, 6.3. */
export const ALG = {
  RSA: 0x0001,
  AES: 0x0006,
  SHA256: 0x000b,
  SHA384: 0x000c,
  SHA512: 0x000d,
  NULL: 0x0010,
  ECDSA: 0x0018,
  ECC: 0x0023,
  CFB: 0x0043,
  KEYEDHASH: 0x0008,
} as const

/** Curves, Part 2, 6.4. */
export const CURVE = { P256: 0x0003, P384: 0x0004 } as const

/** Command codes, Part 2, 6.5.2: the rows of native/tpm/commands.cc. */
export const CC = {
  EvictControl: 0x120,
  NV_UndefineSpace: 0x122,
  HierarchyChangeAuth: 0x129,
  NV_DefineSpace: 0x12a,
  CreatePrimary: 0x131,
  NV_Write: 0x137,
  DictionaryAttackLockReset: 0x139,
  NV_ChangeAuth: 0x13b,
  Startup: 0x144,
  Shutdown: 0x145,
  ActivateCredential: 0x147,
  Certify: 0x148,
  CertifyCreation: 0x14a,
  NV_Read: 0x14e,
  PolicySecret: 0x151,
  Create: 0x153,
  ECDH_ZGen: 0x154,
  Import: 0x156,
  Load: 0x157,
  RSA_Decrypt: 0x159,
  Sign: 0x15d,
  Unseal: 0x15e,
  PolicySigned: 0x160,
  FlushContext: 0x165,
  LoadExternal: 0x167,
  NV_ReadPublic: 0x169,
  PolicyAuthorize: 0x16a,
  PolicyCommandCode: 0x16c,
  PolicyCpHash: 0x16e,
  PolicyTicket: 0x172,
  ReadPublic: 0x173,
  StartAuthSession: 0x176,
  VerifySignature: 0x177,
  GetCapability: 0x17a,
  GetRandom: 0x17b,
  GetTestResult: 0x17c,
  PolicyRestart: 0x180,
  ReadClock: 0x181,
  NV_Certify: 0x184,
  PolicyGetDigest: 0x189,
  PolicyNvWritten: 0x18f,
} as const

/** Permanent handles, Part 2, 7.4. */
export const RH = {
  OWNER: 0x40000001,
  NULL: 0x40000007,
  RS_PW: 0x40000009,
  LOCKOUT: 0x4000000a,
  ENDORSEMENT: 0x4000000b,
} as const

/** TPMA_OBJECT, Part 2, 8.3. */
export const OBJECT = {
  fixedTPM: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  adminWithPolicy: 1 << 7,
  noDA: 1 << 10,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
} as const

/** TPMA_NV, Part 2, 13.4. `PIN_FAIL` is TPM_NT_PIN_FAIL in its place. */
export const NV = {
  OWNERWRITE: 1 << 1,
  POLICYWRITE: 1 << 3,
  PIN_FAIL: 0x8 << 4,
  OWNERREAD: 1 << 17,
  AUTHREAD: 1 << 18,
  POLICYREAD: 1 << 19,
  NO_DA: 1 << 25,
  WRITTEN: 1 << 29,
} as const

/** TPMA_SESSION, Part 2, 8.4. */
export const SESSION = { continueSession: 0x01, decrypt: 0x20, encrypt: 0x40, audit: 0x80 } as const

/** TPM_CAP and TPM_PT, Part 2, 6.12 and 6.13. */
export const CAP = { ALGS: 0, HANDLES: 1, COMMANDS: 2, TPM_PROPERTIES: 6, ECC_CURVES: 8 } as const
export const PT = {
  REVISION: 0x102,
  MANUFACTURER: 0x105,
  VENDOR_STRING_1: 0x106,
  FIRMWARE_VERSION_1: 0x10b,
  FIRMWARE_VERSION_2: 0x10c,
  PERMANENT: 0x200,
  STARTUP_CLEAR: 0x201,
} as const

/** TPMA_PERMANENT, Part 2, 8.6. */
export const PERMANENT = { ownerAuthSet: 1 << 0, inLockout: 1 << 9 } as const

/** Structure tags, Part 2, 6.9. */
export const ST = {
  CREATION: 0x8021,
  VERIFIED: 0x8022,
  AUTH_SECRET: 0x8023,
  HASHCHECK: 0x8024,
  AUTH_SIGNED: 0x8025,
} as const

/** The TCG's handle for the storage root key (TCG TPM v2.0 Provisioning Guidance, 7.5.1). */
export const SRK_HANDLE = 0x81000001

/** Indices of the owner (Registry of Reserved TPM 2.0 Handles, 2.2.2). */
export const NV_FIRST = 0x01800000
export const NV_LAST = 0x01bfffff
