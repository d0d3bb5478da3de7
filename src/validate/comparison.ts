/** Reports side by side: where they differ, and how long each took. */
import { escaped } from './escape.ts'
import { page } from './html.ts'
import { duration, histogramPlot } from './plot.ts'
import type { Report } from './report.ts'
import type { Result, Verdict } from './result.ts'

export interface Difference {
  readonly id: string
  readonly title: string
  /** In the order of the reports; undefined where one has no such check. */
  readonly verdicts: ReadonlyArray<Verdict | undefined>
}

export interface Timing {
  readonly name: string
  /** Medians, in microseconds. */
  readonly p50: ReadonlyArray<number | undefined>
}

export interface Comparison {
  readonly titles: readonly string[]
  readonly differences: readonly Difference[]
  readonly timings: readonly Timing[]
}

export function compareReports(reports: readonly Report[]): Comparison {
  const byId = reports.map(({ results }) => new Map(results.map((result) => [result.id, result])))
  const rows = new Map(reports.flatMap(({ results }) => results.map(({ id, title }) => [id, title] as const)))
  const differences = [...rows].flatMap(([id, title]) => {
    const verdicts = byId.map((results) => results.get(id)?.verdict)
    return new Set(verdicts).size > 1 ? [{ id, title, verdicts }] : []
  })
  const times = reports.map(({ results }) => new Map(results.flatMap(timesOf)))
  const names = new Set(times.flatMap((one) => [...one.keys()]))
  const timings = [...names].map((name) => ({ name, p50: times.map((one) => one.get(name)?.p50) }))
  return { titles: reports.map(({ subject }) => subject.title), differences, timings }
}

const timesOf = ({ times = {} }: Result) => Object.entries(times)

/** The comparison as one HTML file, with the plots of each under one another. */
export function comparisonHtml(reports: readonly Report[]): string {
  const { titles, differences, timings } = compareReports(reports)
  const head = `<tr><th></th>${titles.map((title) => `<th>${escaped(title)}</th>`).join('')}</tr>`
  const rows = differences.map(
    ({ id, title, verdicts }) =>
      `<tr><td>${escaped(title)}<br><small>${escaped(id)}</small></td>${verdicts.map((one) => `<td class="${one ?? ''}">${one ?? ''}</td>`).join('')}</tr>`,
  )
  const medians = timings.map(
    ({ name, p50 }) =>
      `<tr><td>${escaped(name)}</td>${p50.map((one) => `<td>${one === undefined ? '' : duration(one)}</td>`).join('')}</tr>`,
  )
  const plots = reports.flatMap(({ subject, results }) =>
    results.flatMap(timesOf).map(([name, one]) => histogramPlot(`${name}, ${subject.title}`, one)),
  )
  return page(
    `Comparison of ${titles.join(', ')}`,
    `<h1>Comparison</h1><h2>Checks that differ</h2><table>${head}${rows.join('')}</table><h2>Medians</h2><table>${head}${medians.join('')}</table>${plots.join('')}`,
  )
}
