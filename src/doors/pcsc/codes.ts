// Numbers of PC/SC as pcsc-lite has them: PCSC/pcsclite.h, PCSC/reader.h.

/** Return codes. */
export const RV = {
  success: 0,
  invalidHandle: 0x8010_0003,
  invalidParameter: 0x8010_0004,
  noMemory: 0x8010_0006,
  insufficientBuffer: 0x8010_0008,
  unknownReader: 0x8010_0009,
  cancelled: 0x8010_0002,
  sharingViolation: 0x8010_000b,
  noSmartcard: 0x8010_000c,
  protoMismatch: 0x8010_000f,
  invalidValue: 0x8010_0011,
  notTransacted: 0x8010_0016,
  serviceStopped: 0x8010_001e,
  /** pcsc-lite's SCARD_E_UNSUPPORTED_FEATURE; Windows has another number. */
  unsupportedFeature: 0x8010_001f,
  resetCard: 0x8010_0068,
  removedCard: 0x8010_0069,
} as const
export type Code = (typeof RV)[keyof typeof RV]

export const SHARE = { exclusive: 1, shared: 2, direct: 3 } as const
export const PROTOCOL = { undefined: 0, t0: 1, t1: 2, raw: 4, any: 0x1000 } as const
/** What becomes of a card that a program leaves. */
export const DISPOSITION = { leave: 0, reset: 1, powerDown: 2, eject: 3 } as const

/** State of a reader and its card. */
export const STATE = { absent: 0x02, present: 0x04, powered: 0x10, negotiable: 0x20 } as const

/** SCARD_CTL_CODE(3400), CM_IOCTL_GET_FEATURE_REQUEST: PC/SC part 10, 2.2. */
export const GET_FEATURES = 0x4200_0000 + 3400
