// The files of the tree as a person would commit them: no dependencies, no build output.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../runner/jobs.ts'

const left = new Set(['.git', 'node_modules', 'dist', 'build', 'build-asan', 'coverage'])

/** Paths from the root, text and binary alike, sorted. */
export function treeFiles(directory = ''): string[] {
  return readdirSync(join(root, directory), { withFileTypes: true })
    .flatMap((entry) => {
      const path = directory ? `${directory}/${entry.name}` : entry.name
      if (left.has(entry.name) || entry.name.endsWith('.tgz')) return []
      if (entry.isDirectory()) return treeFiles(path)
      return entry.isFile() ? [path] : []
    })
    .sort()
}
