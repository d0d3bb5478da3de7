// What a person reads: one line per job as it ends, the output of failed ones, where the time went, the counts.

import type { Outcome } from './outcome.ts'

const tableRows = 15

const seconds = (value: number): string => `${value.toFixed(1).padStart(6)} s`

export function jobLine(outcome: Outcome): string {
  const state = outcome.failed > 0 ? 'FAILED' : 'ok'
  const counts = `${outcome.passed} passed${outcome.failed > 0 ? `, ${outcome.failed} failed` : ''}`
  return `${state.padEnd(6)} ${seconds(outcome.seconds)}  ${outcome.job.name}  ${counts}`
}

export function failureText(outcome: Outcome): string {
  const faults = outcome.faults.map((fault) => `  ${outcome.job.name}: ${fault}`)
  const output = outcome.output
    .trimEnd()
    .split('\n')
    .map((line) => `  | ${line}`)
  return [...output, ...faults].join('\n')
}

export function timeTable(outcomes: readonly Outcome[], wall: number): string {
  const sorted = [...outcomes].sort((a, b) => b.seconds - a.seconds)
  const sum = (list: readonly Outcome[]) => list.reduce((total, outcome) => total + outcome.seconds, 0)
  const all = sum(sorted)
  const row = (time: number, label: string) =>
    `${seconds(time)} ${((100 * time) / (all || 1)).toFixed(0).padStart(4)} %  ${label}`
  const rest = sorted.slice(tableRows)
  return [
    'Where the time went:',
    ...sorted.slice(0, tableRows).map((outcome) => row(outcome.seconds, outcome.job.name)),
    ...(rest.length > 0 ? [row(sum(rest), `${rest.length} more`)] : []),
    `${seconds(all)}  in all, ${wall.toFixed(1)} s on the clock`,
  ].join('\n')
}

export function closingLines(outcomes: readonly Outcome[]): string[] {
  const total = (key: 'passed' | 'failed') => outcomes.reduce((sum, outcome) => sum + outcome[key], 0)
  return [
    ...outcomes.flatMap((outcome) => outcome.skipped.map((what) => `skipped: ${outcome.job.name}: ${what}`)),
    ...outcomes.filter((outcome) => outcome.failed > 0).map((outcome) => `failed: ${outcome.job.name}`),
    `${total('passed')} passed, ${total('failed')} failed`,
  ]
}
