// Figures in bench/NOTES.md, between two marks: what is around them is written by hand.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../product.ts'

const DOCUMENT = join(root, 'bench/NOTES.md')

export const marks = (name: string): readonly [begin: string, end: string] => [
  `<!-- ${name}: written by the benchmarks -->`,
  `<!-- end of ${name} -->`,
]

/** `document` with `figures` between the marks of `name`. @throws Error where the marks are not there, once and in order */
export function withFigures(document: string, name: string, figures: string): string {
  const [begin, end] = marks(name)
  const [before, rest, ...more] = document.split(begin)
  const [, after, ...others] = rest?.split(end) ?? []
  if (before === undefined || after === undefined || more.length + others.length > 0) {
    throw new Error(`${DOCUMENT} should have, once each and in this order: ${begin} and ${end}`)
  }
  return `${before}${begin}\n\n${figures.trim()}\n\n${end}${after}`
}

export function publish(name: 'figures' | 'peers', figures: string): void {
  writeFileSync(DOCUMENT, withFigures(readFileSync(DOCUMENT, 'utf8'), name, figures))
}
