/** A report as one HTML file: no script, nothing from elsewhere, light and dark, and on paper. Every text in it is escaped. */
import { escaped } from './escape.ts'
import { histogramPlot } from './plot.ts'
import type { Figure } from './quality/figure.ts'
import type { Report } from './report.ts'
import { countOf, type Result, VERDICTS, type Verdict } from './result.ts'

const WORDS: Readonly<Record<Verdict, string>> = {
  fail: 'failed',
  deviates: 'deviates',
  pass: 'passed',
  info: 'information',
  skipped: 'not run',
}

const STYLE = `:root{color-scheme:light dark;--bad:#b3261e;--odd:#8a5300;--good:#1b6e3c;--line:#8884;--plot:#2f6fb0}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--odd:#ffc46b;--good:#7fd8a0;--plot:#8cc1f5}}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.35rem .6rem;border-top:1px solid var(--line)}
td:first-child{white-space:nowrap}small,.source{color:GrayText}
.fail{color:var(--bad);font-weight:600}.deviates{color:var(--odd);font-weight:600}.pass{color:var(--good)}.info,.skipped{color:GrayText}
svg{max-width:100%;height:auto}svg rect{fill:var(--plot)}svg text{fill:currentColor;font:11px system-ui,sans-serif}
.says{overflow-wrap:anywhere}details{margin:.3rem 0}
mark{position:fixed;inset:0 0 auto;text-align:center}
@media print{body{margin:0;max-width:none}details>*{display:block}tr{break-inside:avoid}}`

/** The page alone may apply its own style, and may load nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body>${body}</body></html>
`
}

export function html(report: Report): string {
  const { subject, results, made, by, classes, finished } = report
  const counts = VERDICTS.map(
    (verdict) => `<span class="${verdict}">${countOf(results, verdict)} ${WORDS[verdict]}</span>`,
  )
  // On paper it stands on every page.
  const mark = subject.facts.simulated === undefined ? '' : '<mark>simulated</mark>'
  const stopped = finished ? '' : '<p class="deviates">The run was stopped before its end.</p>'
  const facts = { ...subject.facts, classes: classes.join(', '), made, tessera: by.tessera, 'Node.js': by.node }
  const groups = [
    ['Failures', results.filter(({ verdict }) => verdict === 'fail')],
    ['Deviations', results.filter(({ verdict }) => verdict === 'deviates')],
    ['The TPM', results.filter(({ group }) => group === 'tpm')],
    ['The card edge', results.filter(({ group }) => group === 'card')],
  ] as const
  const sections = groups.filter(([, rows]) => rows.length > 0).map(([name, rows]) => `<h2>${name}</h2>${table(rows)}`)
  return page(
    `Validation of ${subject.title}`,
    `${mark}<h1>${escaped(subject.title)}</h1><p>${counts.join(' · ')}</p>${stopped}${factTable(facts)}${sections.join('\n')}`,
  )
}

const table = (rows: readonly Result[]): string => `<table>${rows.map(rowOf).join('\n')}</table>`

function rowOf(result: Result): string {
  const { id, title, source, class: letter, verdict, says, facts, figures, times } = result
  const more = [
    ...(figures && figures.length > 0 ? [figureTable(figures)] : []),
    ...Object.entries(times ?? {}).map(([name, one]) => histogramPlot(name, one)),
    ...(facts && Object.keys(facts).length > 0 ? [factTable(facts)] : []),
  ]
  const details = more.length === 0 ? '' : `<details><summary>figures</summary>${more.join('')}</details>`
  return `<tr id="${escaped(id)}"><td class="${verdict}">${WORDS[verdict]}</td><td>${escaped(title)}<div class="says">${escaped(says)}</div>${details}</td><td class="source">${escaped(id)} ${letter}<br>${escaped(source)}</td></tr>`
}

const factTable = (facts: Readonly<Record<string, string | number | boolean>>): string =>
  `<table>${Object.entries(facts)
    .map(([name, value]) => `<tr><th>${escaped(name)}</th><td class="says">${escaped(String(value))}</td></tr>`)
    .join('')}</table>`

const figureTable = (figures: readonly Figure[]): string =>
  `<table>${figures
    .map(({ name, value, passes, verdict, p, attack }) => {
      const chance = p === undefined ? '' : `, p = ${p.toPrecision(3)}`
      const allows =
        verdict === 'fail' && attack ? `<br>${escaped(`${attack.name}: ${attack.gives} (${attack.source})`)}` : ''
      return `<tr><td class="${verdict}">${WORDS[verdict]}</td><td>${escaped(name)}: ${value.toPrecision(5)}${chance}${allows}</td><td class="source">passes: ${escaped(passes)}</td></tr>`
    })
    .join('')}</table>`
