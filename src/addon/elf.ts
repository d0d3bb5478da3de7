// The head of an ELF file (System V gABI, chapter 4), as far as it says whether the file may be loaded here.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Of the architectures that there is a ready-made native part for: e_machine by the name that Node has for it. */
const MACHINES: Readonly<Record<number, string>> = { 62: 'x64', 183: 'arm64' }
const HEAD = 64

/**
 * For which architecture a shared library is. Undefined where the file is no ELF file or ends too early: to load one of
 * those can end the process (SIGBUS).
 */
export function architectureOf(file: string): string | undefined {
  const fd = openSync(file, 'r')
  try {
    const head = Buffer.alloc(HEAD)
    if (readSync(fd, head, 0, HEAD, 0) < HEAD) return undefined
    if (head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) return undefined // 64 bits, little endian
    // The table of sections is the last thing in the file.
    const end = Number(head.readBigUInt64LE(40)) + head.readUInt16LE(58) * head.readUInt16LE(60)
    const machine = head.readUInt16LE(18)
    return end > fstatSync(fd).size ? undefined : (MACHINES[machine] ?? `ELF machine ${machine}`)
  } finally {
    closeSync(fd)
  }
}
