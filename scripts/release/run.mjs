// Programs of others, and files below build/release.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
/** All that a release makes and keeps; no part of the checkout. */
export const place = join(root, 'build/release')

export const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex')

/** What the program prints. Where it fails, the release ends with what it said. */
export function run(program, words, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8', ...options.env },
  })
  if (status !== 0) {
    throw new Error(`${program} ${words.join(' ')}\n${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`)
  }
  return stdout
}

export const say = (text) => console.log(`release: ${text}`)
