// The simple commands in text that a person copies into a shell or a unit file: enough of a shell for our documents.

const WORD = /"(?:\\.|[^"\\])*"|'[^']*'|<\(|\d?[<>]{1,2}&?\d?|&&|\|\||[|&;()]|(?:\\.|[^\s'"|&;()<>\\])+/gy

type Token = { readonly text: string; readonly operator: boolean }

/** One line's tokens; quotes are taken off, and what is glued together stays one word. */
function tokensOf(line: string): Token[] {
  const tokens: Token[] = []
  let glued = false
  let at = 0
  while (at < line.length) {
    if (/\s/.test(line[at] ?? '')) {
      at += 1
      glued = false
      continue
    }
    if (line[at] === '#' && !glued) break
    WORD.lastIndex = at
    const [found = line[at] ?? ''] = WORD.exec(line) ?? []
    at += found.length
    const operator = /^(<\(|\d?[<>]{1,2}&?\d?|&&|\|\||[|&;()])$/.test(found)
    const text = /^["']/.test(found) ? found.slice(1, -1) : found
    const last = tokens.at(-1)
    if (glued && !operator && last !== undefined && !last.operator) {
      tokens[tokens.length - 1] = { text: last.text + text, operator: false }
    } else tokens.push({ text, operator })
    glued = !operator
  }
  return tokens
}

const KEYWORDS = new Set([
  'if',
  'then',
  'do',
  'until',
  'while',
  'else',
  'sudo',
  'source',
  'env',
  'exec',
  '/usr/bin/env',
  '!',
  '{',
])
const isAssignment = (word: string) => /^[A-Z_]+=/.test(word) && !/^Exec/.test(word)

/** The words of each simple command of a line, without assignments, keywords and redirections. */
export function simpleCommands(line: string): string[][] {
  const commands: string[][] = [[]]
  const [, image] = /^CMD (\[.*\])$/.exec(line.trim()) ?? []
  if (image !== undefined) return simpleCommands((JSON.parse(image) as string[]).map((word) => `'${word}'`).join(' '))
  const tokens = tokensOf(line.trim().replace(/^(Exec\w+=-?|RUN )/, ''))
  for (let at = 0; at < tokens.length; at += 1) {
    const { text, operator } = tokens[at] as Token
    if (operator && /^\d?[<>]{1,2}$/.test(text)) at += 1
    else if (operator && /[<>]/.test(text) && text !== '<(') continue
    else if (operator) commands.push([])
    else commands.at(-1)?.push(text)
  }
  return commands.flatMap((words) => {
    const first = words.findIndex((word) => !KEYWORDS.has(word) && !isAssignment(word))
    const own = first < 0 ? [] : words.slice(first)
    if (/^(\/bin\/)?sh$/.test(own[0] ?? '') && own[1] === '-c')
      return simpleCommands((own[2] ?? '').replaceAll('$$', '$'))
    return own.length === 0 ? [] : [own]
  })
}

/** The lines of a document that are code and no other language: indented by four, in a block of sh, or a unit file's. */
export function codeLines(path: string, text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, ' ')
  if (!path.endsWith('.md')) return joined.split('\n').filter((line) => /^Exec\w+=/.test(line))
  let fence: string | undefined
  return joined.split('\n').flatMap((line) => {
    const [, language] = /^```(\w*)/.exec(line) ?? []
    if (language !== undefined) {
      fence = fence === undefined ? language : undefined
      return []
    }
    if (fence !== undefined) return /^(sh|bash|shell|console)$/.test(fence) ? [line] : []
    return /^ {4}\S/.test(line) ? [line.trim()] : []
  })
}
