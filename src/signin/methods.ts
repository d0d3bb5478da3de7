// Sign-in methods and the reasons why a session ends.

export const METHODS = ['certificate', 'challenge'] as const
export type Method = (typeof METHODS)[number]

/** Why a session ended. */
export const END_REASONS = ['signed-out', 'card-removed', 'expired', 'service'] as const
export type EndReason = (typeof END_REASONS)[number]
/** @deprecated Old name of `EndReason`. */
export type Ending = EndReason
