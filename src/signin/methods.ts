// Words of signing in that others need without all the rest.

export const METHODS = ['certificate', 'challenge'] as const
export type Method = (typeof METHODS)[number]

/** Why somebody is signed in no longer. */
export const ENDINGS = ['signed-out', 'card-removed', 'expired', 'service'] as const
export type Ending = (typeof ENDINGS)[number]
