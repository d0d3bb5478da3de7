// Filters of system calls as the kernel takes them (seccomp(2), classic BPF), for x86_64 on which alone they are used here.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../support/temp.ts'

const [LOAD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN] = [0x20, 0x15, 0x45, 0x06]
const [ALLOW, ERRNO] = [0x7fff_0000, 0x0005_0000]
const [EPERM, EACCES, ENOSYS] = [1, 13, 38]
const NUMBER = 0
/** Offset of the third argument: the protection of mmap and mprotect. */
const PROTECTION = 32
const [WRITE, EXECUTE] = [2, 4]

type Step = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

/** One call gets an error. */
const deny = (call: number, errno: number): Step[] => [
  [JUMP_IF_EQUAL, 0, 1, call],
  [RETURN, 0, 0, ERRNO | errno],
]

const SYSTEM_CALLS = {
  mmap: 9,
  mprotect: 10,
  pkey_mprotect: 329,
  clone3: 435,
} as const

/** What Docker's default profile keeps from a program without capabilities, as far as this kernel has it. */
const NOT_IN_DOCKER = [
  155, 161, 163, 165, 166, 167, 168, 169, 170, 171, 172, 173, 175, 176, 179, 180, 206, 212, 227, 237, 238, 239, 246,
  248, 249, 250, 256, 272, 279, 298, 300, 303, 304, 305, 308, 310, 311, 312, 313, 320, 321, 323, 425, 426, 427, 428,
  429, 430, 431, 432, 433, 438, 442,
]

/** Docker's default: the calls that it forbids, and no clone3. */
export const dockerDefault = (): string =>
  filter([
    [LOAD, 0, 0, NUMBER],
    ...deny(SYSTEM_CALLS.clone3, ENOSYS),
    ...NOT_IN_DOCKER.flatMap((call) => deny(call, EPERM)),
  ])

/** As SELinux without execmem, and MemoryDenyWriteExecute of systemd: no memory becomes executable that was not mapped so. */
export const noExecutableMemory = (): string =>
  filter([
    ...inCall(SYSTEM_CALLS.mprotect, [
      [LOAD, 0, 0, PROTECTION],
      [JUMP_IF_SET, 0, 1, EXECUTE],
      [RETURN, 0, 0, ERRNO | EACCES],
    ]),
    ...inCall(SYSTEM_CALLS.pkey_mprotect, [
      [LOAD, 0, 0, PROTECTION],
      [JUMP_IF_SET, 0, 1, EXECUTE],
      [RETURN, 0, 0, ERRNO | EACCES],
    ]),
    ...inCall(SYSTEM_CALLS.mmap, [
      [LOAD, 0, 0, PROTECTION],
      [JUMP_IF_SET, 0, 2, EXECUTE],
      [JUMP_IF_SET, 0, 1, WRITE],
      [RETURN, 0, 0, ERRNO | EACCES],
    ]),
  ])

/** Steps that are for one call alone. */
const inCall = (call: number, steps: readonly Step[]): Step[] => [
  [LOAD, 0, 0, NUMBER],
  [JUMP_IF_EQUAL, 0, steps.length, call],
  ...steps,
]

function filter(steps: readonly Step[]): string {
  const all: readonly Step[] = [...steps, [RETURN, 0, 0, ALLOW]]
  const octets = Buffer.alloc(all.length * 8)
  for (const [index, [code, ifTrue, ifFalse, value]] of all.entries()) {
    octets.writeUInt16LE(code, index * 8)
    octets.writeUInt8(ifTrue, index * 8 + 2)
    octets.writeUInt8(ifFalse, index * 8 + 3)
    octets.writeUInt32LE(value, index * 8 + 4)
  }
  const file = join(tempDir('seccomp'), 'filter')
  writeFileSync(file, octets)
  return file
}
