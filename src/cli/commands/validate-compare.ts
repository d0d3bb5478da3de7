import { UsageError } from '../../errors.ts'
import { compareReports, comparisonHtml } from '../../validate/comparison.ts'
import { duration } from '../../validate/plot.ts'
import { LARGEST, readReport } from '../../validate/report.ts'
import type { Run } from '../context.ts'
import { readWhole, writeOutput } from '../files.ts'
import { columns } from '../layout.ts'
import { TEXT } from '../messages.ts'
import { plain } from '../plain.ts'

export const run: Run = async (context, ...paths) => {
  const { out, options } = context
  if (paths.length < 2) throw new UsageError('ERR_USAGE', TEXT.validate.two)
  const reports = []
  for (const path of paths) reports.push(readReport(await readWhole(context, path, 'FILE', LARGEST), path))
  const { titles, differences, timings } = compareReports(reports)
  if (options.out !== undefined && options.out !== '-') await writeOutput(options.out, comparisonHtml(reports))
  const rows = [
    ['', ...titles.map(plain)],
    ...differences.map(({ id, verdicts }) => [plain(id), ...verdicts.map((one) => one ?? '')]),
    ...timings.map(({ name, p50 }) => [plain(name), ...p50.map((one) => (one === undefined ? '' : duration(one)))]),
  ]
  const said = differences.length === 0 ? [TEXT.validate.same] : []
  await out.result(
    {
      reports: titles,
      differences: differences.map(({ id, title, verdicts }) => ({
        id,
        title,
        verdicts: verdicts.map((one) => one ?? null),
      })),
      medians: timings.map(({ name, p50 }) => ({ name, microseconds: p50.map((one) => one ?? null) })),
    },
    [...said, columns(rows, out.width)].join('\n'),
  )
}
