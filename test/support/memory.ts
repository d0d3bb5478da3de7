// The writable memory of another process, read from outside.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** Where each needle stands in the writable memory of a process: names of needle and mapping, and what is around it. */
export function search(pid: number, needles: ReadonlyMap<string, Uint8Array>): { found: string[]; octets: number } {
  const found: string[] = []
  let octets = 0
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const [, from = '', to = '', path = ''] = /^(\w+)-(\w+) rw.. \S+ \S+ \S+ *(.*)$/.exec(line) ?? []
      if (from === '' || path === '[vvar]') continue
      const start = Number.parseInt(from, 16)
      const end = Number.parseInt(to, 16)
      const step = 1 << 24
      const overlap = 64
      for (let at = start; at < end; at += step) {
        const chunk = Buffer.alloc(Math.min(step + overlap, end - at))
        let length = 0
        try {
          length = readSync(memory, chunk, 0, chunk.length, at)
        } catch {
          continue // a mapping that went away, or has nothing behind it
        }
        octets += length
        for (const [name, needle] of needles) {
          for (let hit = chunk.indexOf(needle); hit >= 0 && hit < step; hit = chunk.indexOf(needle, hit + 1)) {
            const around = chunk.subarray(Math.max(0, hit - 48), hit + needle.length + 32)
            found.push(`${name} at ${(at + hit).toString(16)} in ${path || 'anonymous'}: ${around.toString('hex')}`)
          }
        }
      }
    }
  } finally {
    closeSync(memory)
  }
  return { found, octets }
}
