// Tables in Markdown.

/** Columns of numbers are set to the right. */
export function table(
  head: readonly string[],
  rows: ReadonlyArray<ReadonlyArray<string | number | undefined>>,
): string {
  const text = rows.map((row) => row.map((cell) => (cell === undefined ? '' : String(cell))))
  const numeric = head.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] !== 'string'))
  const widths = head.map((name, at) => Math.max(3, name.length, ...text.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => (numeric[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, at) => (numeric[at] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [line(head), line(rule), ...text.map(line)].join('\n')
}
