// The calls that are answered: p11-kit's number of each, and which fields its request and its answer have. Both sides
// send that text along, and a call with another one is not understood.

type Row = readonly [number: number, request: string, answer: string]

export const CALLS = {
  C_Initialize: [1, 'ayyay', ''],
  C_Finalize: [2, '', ''],
  C_GetInfo: [3, '', 'vsusv'],
  C_GetSlotList: [4, 'yfu', 'au'],
  C_GetSlotInfo: [5, 'u', 'ssuvv'],
  C_GetTokenInfo: [6, 'u', 'ssssuuuuuuuuuuuvvs'],
  C_GetMechanismList: [7, 'ufu', 'au'],
  C_GetMechanismInfo: [8, 'uu', 'uuu'],
  C_OpenSession: [10, 'uu', 'u'],
  C_CloseSession: [11, 'u', ''],
  C_CloseAllSessions: [12, 'u', ''],
  C_GetSessionInfo: [13, 'u', 'uuuu'],
  C_InitPIN: [14, 'uay', ''],
  C_SetPIN: [15, 'uayay', ''],
  C_Login: [18, 'uuay', ''],
  C_Logout: [19, 'u', ''],
  C_CreateObject: [20, 'uaA', 'u'],
  C_DestroyObject: [22, 'uu', ''],
  C_GetAttributeValue: [24, 'uufA', 'aAu'],
  C_FindObjectsInit: [26, 'uaA', ''],
  C_FindObjects: [27, 'ufu', 'au'],
  C_FindObjectsFinal: [28, 'u', ''],
  C_DecryptInit: [33, 'uMu', ''],
  C_Decrypt: [34, 'uayfy', 'ay'],
  C_SignInit: [42, 'uMu', ''],
  C_Sign: [43, 'uayfy', 'ay'],
  C_SignUpdate: [44, 'uay', ''],
  C_SignFinal: [45, 'ufy', 'ay'],
  C_GenerateKeyPair: [59, 'uMaAaA', 'uu'],
  C_DeriveKey: [62, 'uMuaA', 'u'],
  C_SeedRandom: [63, 'uay', ''],
  C_GenerateRandom: [64, 'ufy', 'ay'],
  C_WaitForSlotEvent: [65, 'u', 'u'],
} as const satisfies Record<string, Row>
export type CallName = keyof typeof CALLS

const NAMES: ReadonlyMap<number, CallName> = new Map(
  (Object.keys(CALLS) as CallName[]).map((name) => [CALLS[name][0], name]),
)

export const callByNumber = (number: number): CallName | undefined => NAMES.get(number)

/** The number of an answer that is a return value instead, and its field. */
export const ERROR_CALL = 0
export const ERROR_FIELDS = 'u'
