/** A report as JUnit XML, which CI systems show: github.com/testmoapp/junitxml describes what they read. */
import type { Report } from './report.ts'
import { countOf, type Result } from './result.ts'

/** XML 1.0, 2.2: what is no character of it becomes a question mark. */
const escaped = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replaceAll(/[&<>"'\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(3)

function testCase(result: Result): string {
  const { id, title, group, source, verdict, says, took } = result
  const head = `<testcase classname="${group}.${escaped(id)}" name="${escaped(`${title} (${source})`)}" time="${seconds(took)}"`
  if (verdict === 'fail') return `${head}><failure message="${escaped(says)}"/></testcase>`
  if (verdict === 'skipped') return `${head}><skipped message="${escaped(says)}"/></testcase>`
  return says === '' ? `${head}/>` : `${head}><system-out>${escaped(says)}</system-out></testcase>`
}

export function junit({ results, subject, made }: Report): string {
  const counts = `tests="${results.length}" failures="${countOf(results, 'fail')}" skipped="${countOf(results, 'skipped')}"`
  const time = seconds(results.reduce((sum, { took }) => sum + took, 0))
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts} time="${time}">`,
    `<testsuite name="${escaped(subject.title)}" timestamp="${escaped(made.slice(0, 19))}" ${counts} errors="0" time="${time}">`,
    ...results.map(testCase),
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}
