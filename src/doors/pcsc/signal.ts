// What a program that waits for a change is told: wait_reader_state_change of pcsc-lite.
import { writeNumber } from './messages.ts'

export function encodeSignal(code: number): Uint8Array {
  const octets = new Uint8Array(8)
  writeNumber(octets, 4, code)
  return octets
}
