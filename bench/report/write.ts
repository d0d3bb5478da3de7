// The report of a run on the disk: numbers, tables, picture.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdown } from './markdown.ts'
import { plot } from './plot.ts'
import type { Results } from './results.ts'
import { targets } from './targets.ts'

/** results.json, results.md and layers.svg in each of `directories`; answers the text of the second. */
export async function writeReport(results: Results, directories: readonly string[]): Promise<string> {
  const text = markdown(results)
  const picture = await plot(results)
  for (const directory of directories) {
    mkdirSync(directory, { recursive: true })
    const numbers = { ...results, targets: targets(results) }
    writeFileSync(join(directory, 'results.json'), `${JSON.stringify(numbers, null, 1)}\n`)
    writeFileSync(join(directory, 'results.md'), text)
    if (picture !== undefined) writeFileSync(join(directory, 'layers.svg'), picture)
  }
  return text
}
