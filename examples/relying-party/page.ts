// What a person sees in place of JSON.

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '')

export interface Page {
  readonly title: string
  readonly says: string
  /** Rows below it, each with a name. */
  readonly facts?: Readonly<Record<string, string>>
}

export const STYLE = `
body { margin: 0; font: 18px/1.5 system-ui, sans-serif; color: #1c2430; background: #eef1f5 }
main { max-width: 40rem; margin: 12vh auto; padding: 2rem 2.5rem; background: #fff; border-radius: 12px }
h1 { margin: 0 0 .5rem; font-size: 1.6rem } table { margin-top: 1.2rem; border-collapse: collapse; font-size: 1rem }
th { padding: .2rem 1.5rem .2rem 0; text-align: left; font-weight: normal; color: #5b6675 } td { padding: .2rem 0 }
footer { margin-top: 1.5rem; font-size: .85rem; color: #5b6675 }
`

export function pageOf({ title, says, facts = {} }: Page): string {
  const rows = Object.entries(facts).map(
    ([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`,
  )
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><main>
<h1>${escaped(title)}</h1>
<p id="says">${escaped(says)}</p>
${rows.length === 0 ? '' : `<table>${rows.join('\n')}</table>`}
<footer>Sample service of Tessera. It is for trying things out.</footer>
</main></body>
</html>
`
}
