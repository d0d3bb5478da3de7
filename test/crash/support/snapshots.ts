// Every disk that a kill -9 of the process of an embedded TPM could leave behind: with that process its TPM is off, and
// nothing but files is left. Taken before and after each TPM command and each step on a file.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FileSteps, type Handle, systemSteps } from '../../../src/files/steps.ts'
import { type NativeTpm, native } from '../../../src/native.ts'
import { commandName } from '../../support/codes.ts'

/** Files of a home by their path in it. */
export type Disk = ReadonlyMap<string, Uint8Array>

export function readDisk(home: string, folder = ''): Disk {
  const found = new Map<string, Uint8Array>()
  for (const entry of readdirSync(join(home, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) for (const [below, octets] of readDisk(home, path)) found.set(below, octets)
    else found.set(path, readFileSync(join(home, path)))
  }
  return found
}

export function writeDisk(disk: Disk, home: string): void {
  for (const [path, octets] of disk) {
    mkdirSync(join(home, path, '..'), { recursive: true, mode: 0o700 })
    writeFileSync(join(home, path), octets, { mode: 0o600 })
  }
}

export function fingerprint(disk: Disk): string {
  const hash = createHash('sha256')
  for (const path of [...disk.keys()].sort()) {
    // Of a lock file only the process id differs.
    hash.update(`${path}\0`).update(/lock$/.test(path) ? '' : (disk.get(path) ?? ''))
  }
  return hash.digest('hex')
}

/** Called before and after each step of the product; may throw, and may end the process. */
export type Watch = (when: 'before' | 'after', what: string) => void

const around =
  (watch: Watch) =>
  async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    watch('before', what)
    const result = await work()
    watch('after', what)
    return result
  }

/** Calls `watch` around every TPM command that the product sends in this process, while `work` runs. */
export async function watchingTpm<T>(watch: Watch, work: () => Promise<T>): Promise<T> {
  const addon = native()
  const open = addon.openTpm
  const step = around(watch)
  const watched = (tpm: NativeTpm): NativeTpm => ({
    async run(commands) {
      const results: Uint8Array[] = []
      for (const one of commands) results.push(...(await step(commandName(one.command), () => tpm.run([one]))))
      return results
    },
    startSession: (options) => step('StartAuthSession', () => tpm.startSession(options)),
    transmit: (octets) => tpm.transmit(octets),
    keepTicket: (params) => tpm.keepTicket(params),
    dropTicket: (ticket) => tpm.dropTicket(ticket),
    nonceTpm: (session) => tpm.nonceTpm(session),
    counters: () => tpm.counters(),
    close: () => step('close', () => tpm.close()),
  })
  addon.openTpm = (options) => step('open', async () => watched(await open.call(addon, options)))
  try {
    return await work()
  } finally {
    addon.openTpm = open
  }
}

/** `systemSteps`, with `watch` around those that change something. */
export function watchedSteps(watch: Watch): FileSteps {
  const step = around(watch)
  const handle = (file: Handle): Handle => ({
    facts: () => file.facts(),
    read: (buffer) => file.read(buffer),
    write: (octets) => step('write', () => file.write(octets)),
    sync: () => file.sync(),
    close: () => file.close(),
  })
  return {
    ...systemSteps,
    openNew: (path) => step('openNew', async () => handle(await systemSteps.openNew(path))),
    rename: (from, to) => step('rename', () => systemSteps.rename(from, to)),
    link: (from, to) => step('link', () => systemSteps.link(from, to)),
    unlink: (path) => step('unlink', () => systemSteps.unlink(path)),
    makeFolder: (folder) => step('makeFolder', () => systemSteps.makeFolder(folder)),
  }
}
