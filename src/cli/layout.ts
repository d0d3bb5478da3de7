// Lines and tables for a terminal. `width` is that of the terminal; undefined if the text goes elsewhere, and is not
// to be changed for it.
import { inLine } from './plain.ts'
import { padded, widthOf } from './width.ts'

const GAP = '  '
/** A column that is narrower is not wrapped: there would be little on each line. */
const NARROWEST = 24

/** `Name: value` lines, with the values aligned. */
export function rows(lines: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...lines.map(([name]) => widthOf(name))) + 2
  return lines.map(([name, value]) => padded(name === '' ? '' : `${name}:`, width) + inLine(value)).join('\n')
}

/** A table with a head. If it is too wide for the terminal, each of its lines becomes a block. */
export function table(head: readonly string[], lines: ReadonlyArray<readonly string[]>, width?: number): string {
  const all = [head, ...lines]
  if (width === undefined || sum(widthsOf(all)) <= width) return columns(all)
  return lines.map((cells) => rows(cells.map((cell, at) => [head[at] ?? '', cell]))).join('\n\n')
}

/** Aligned columns without a head. If they are too wide for the terminal, the last one is wrapped. */
export function columns(lines: ReadonlyArray<readonly string[]>, width?: number): string {
  const widths = widthsOf(lines)
  const before = sum(widths.slice(0, -1)) + GAP.length
  const room = width === undefined || width - before < NARROWEST ? Number.POSITIVE_INFINITY : width - before
  return lines
    .flatMap((cells) => {
      const first = cells.slice(0, -1).map((cell, at) => padded(cell, widths[at] ?? 0))
      const rest = first.map((cell) => ' '.repeat(widthOf(cell)))
      return wrapped(cells.at(-1) ?? '', room).map((part, at) =>
        [...(at === 0 ? first : rest), part].join(GAP).trimEnd(),
      )
    })
    .join('\n')
}

const widthsOf = (lines: ReadonlyArray<readonly string[]>): number[] =>
  (lines[0] ?? []).map((_, at) => Math.max(...lines.map((cells) => widthOf(cells[at] ?? ''))))

const sum = (widths: readonly number[]): number =>
  widths.reduce((all, width) => all + width, 0) + GAP.length * Math.max(0, widths.length - 1)

/** Broken at spaces only: what is copied from a terminal stays whole. */
function wrapped(text: string, room: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && widthOf(line) + 1 + widthOf(word) <= room) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
