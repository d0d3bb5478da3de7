// How much room a program has for an answer.

/** A buffer of no octets that is not NULL. */
const EMPTY_BUFFER = 0xffff_ffff

export const roomFor = (room: number): number => (room === EMPTY_BUFFER ? 0 : room)
