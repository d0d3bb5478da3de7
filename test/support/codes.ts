// TPM2 command codes (TPM 2.0 Library, Part 2, table of TPM_CC) with the number of handles before the parameters.

// code, name, handles. FlushContext and ContextLoad carry their handle or blob as a parameter.
const ROWS = [
  [0x11f, 'NV_UndefineSpaceSpecial', 2],
  [0x120, 'EvictControl', 2],
  [0x121, 'HierarchyControl', 1],
  [0x122, 'NV_UndefineSpace', 2],
  [0x126, 'Clear', 1],
  [0x127, 'ClearControl', 1],
  [0x129, 'HierarchyChangeAuth', 1],
  [0x12a, 'NV_DefineSpace', 1],
  [0x12e, 'SetPrimaryPolicy', 1],
  [0x131, 'CreatePrimary', 1],
  [0x132, 'NV_GlobalWriteLock', 1],
  [0x134, 'NV_Increment', 2],
  [0x135, 'NV_SetBits', 2],
  [0x136, 'NV_Extend', 2],
  [0x137, 'NV_Write', 2],
  [0x138, 'NV_WriteLock', 2],
  [0x139, 'DictionaryAttackLockReset', 1],
  [0x13a, 'DictionaryAttackParameters', 1],
  [0x13b, 'NV_ChangeAuth', 1],
  [0x142, 'IncrementalSelfTest', 0],
  [0x143, 'SelfTest', 0],
  [0x144, 'Startup', 0],
  [0x145, 'Shutdown', 0],
  [0x146, 'StirRandom', 0],
  [0x147, 'ActivateCredential', 2],
  [0x148, 'Certify', 2],
  [0x149, 'PolicyNV', 3],
  [0x14a, 'CertifyCreation', 2],
  [0x14b, 'Duplicate', 2],
  [0x14c, 'GetTime', 2],
  [0x14e, 'NV_Read', 2],
  [0x14f, 'NV_ReadLock', 2],
  [0x150, 'ObjectChangeAuth', 2],
  [0x151, 'PolicySecret', 2],
  [0x152, 'Rewrap', 2],
  [0x153, 'Create', 1],
  [0x154, 'ECDH_ZGen', 1],
  [0x155, 'HMAC', 1],
  [0x156, 'Import', 1],
  [0x157, 'Load', 1],
  [0x158, 'Quote', 1],
  [0x159, 'RSA_Decrypt', 1],
  [0x15b, 'HMAC_Start', 1],
  [0x15d, 'Sign', 1],
  [0x15e, 'Unseal', 1],
  [0x160, 'PolicySigned', 2],
  [0x161, 'ContextLoad', 0],
  [0x162, 'ContextSave', 1],
  [0x163, 'ECDH_KeyGen', 1],
  [0x165, 'FlushContext', 0],
  [0x167, 'LoadExternal', 0],
  [0x168, 'MakeCredential', 1],
  [0x169, 'NV_ReadPublic', 1],
  [0x16a, 'PolicyAuthorize', 1],
  [0x16b, 'PolicyAuthValue', 1],
  [0x16c, 'PolicyCommandCode', 1],
  [0x16d, 'PolicyCounterTimer', 1],
  [0x16e, 'PolicyCpHash', 1],
  [0x16f, 'PolicyLocality', 1],
  [0x170, 'PolicyNameHash', 1],
  [0x171, 'PolicyOR', 1],
  [0x172, 'PolicyTicket', 1],
  [0x173, 'ReadPublic', 1],
  [0x174, 'RSA_Encrypt', 1],
  [0x176, 'StartAuthSession', 2],
  [0x177, 'VerifySignature', 1],
  [0x17a, 'GetCapability', 0],
  [0x17b, 'GetRandom', 0],
  [0x17c, 'GetTestResult', 0],
  [0x17d, 'Hash', 0],
  [0x17e, 'PCR_Read', 0],
  [0x17f, 'PolicyPCR', 1],
  [0x180, 'PolicyRestart', 1],
  [0x181, 'ReadClock', 0],
  [0x182, 'PCR_Extend', 1],
  [0x184, 'NV_Certify', 3],
  [0x188, 'PolicyDuplicationSelect', 1],
  [0x189, 'PolicyGetDigest', 1],
  [0x18a, 'TestParms', 0],
  [0x18c, 'PolicyPassword', 1],
  [0x18f, 'PolicyNvWritten', 1],
  [0x190, 'PolicyTemplate', 1],
  [0x191, 'CreateLoaded', 1],
  [0x192, 'PolicyAuthorizeNV', 3],
  [0x193, 'EncryptDecrypt2', 1],
  [0x197, 'CertifyX509', 2],
] as const

export type CommandName = (typeof ROWS)[number][1]

export interface CommandInfo {
  readonly code: number
  readonly name: CommandName
  readonly handles: number
}

const BY_CODE = new Map<number, CommandInfo>(ROWS.map(([code, name, handles]) => [code, { code, name, handles }]))

/** Command code by name. */
export const CC = Object.fromEntries(ROWS.map(([code, name]) => [name, code])) as Record<CommandName, number>

/** The row of a command code; throws where there is none. */
export function commandInfo(code: number): CommandInfo {
  const info = BY_CODE.get(code)
  if (info === undefined) throw new RangeError(`command code 0x${code.toString(16)} is not in the table`)
  return info
}

/** The name of a command code, or the code in hex. */
export const commandName = (code: number): string => BY_CODE.get(code)?.name ?? `0x${code.toString(16)}`
