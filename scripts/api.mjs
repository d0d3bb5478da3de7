// docs/api.md: every export of every entry point, with its comments, out of the type declarations in dist/. `npm run docs`
// writes it; test/house/api.test.ts says when it is old. (What generates such documents reads the compiler's own API, which
// TypeScript 7 does not have.)
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const read = (path) => readFileSync(join(root, path), 'utf8')
const pathOf = (from, specifier) => normalize(join(dirname(from), specifier)).replace(/\.[jt]s$/, '.d.ts')

const COMMENT = /\/\*\*(?:[^*]|\*(?!\/))*\*\/\s*$/
const KINDS = '(?:abstract )?(?:class|interface|function|const|type|namespace)'

/** Where a declaration that begins at `start` ends: brackets are closed again, and a line or a statement is over. */
function endOf(text, start) {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    const two = text.slice(at, at + 2)
    if (two === '/*') at = text.indexOf('*/', at) + 1
    else if (two === '//') at = text.indexOf('\n', at)
    else if (`'"\``.includes(text[at])) at = text.indexOf(text[at], at + 1)
    else if ('([{'.includes(text[at])) depth += 1
    else if (')]}'.includes(text[at])) {
      depth -= 1
      const isBody =
        text[at] === '}' &&
        /^(export )?(declare )?(abstract )?(class|interface|namespace)/.test(text.slice(start, start + 60))
      if (depth === 0 && isBody) return at + 1
    } else if (text[at] === ';' && depth === 0) return at + 1
  }
  return text.length
}

const plain = (comment) =>
  comment
    .trim()
    .slice(3, -2)
    .replace(/^[ \t]*\* ?/gm, '')
    .trim()

/** The declarations of a name in a file, all of them where it is overloaded; or where the file has it from. */
function find(file, name) {
  const text = read(file)
  const declared = [...text.matchAll(new RegExp(`^(export )?(declare )?${KINDS} ${name}\\b`, 'gm'))].map((match) => {
    const [comment = ''] = COMMENT.exec(text.slice(0, match.index)) ?? []
    const code = text
      .slice(match.index, endOf(text, match.index))
      .replace(/^(export )?(declare )?/, '')
      .replace(/^(?: +\/\*\*(?:[^*]|\*(?!\/))*\*\/\n)? +(#private|private .*);\n/gm, '')
      .replace(/^( +)/gm, (spaces) => ' '.repeat(spaces.length / 2 + (spaces.length % 4 === 1 ? 0.5 : 0)))
    return { comment: comment && plain(comment), code }
  })
  if (declared.length > 0) return declared
  for (const { names, from } of reexports(file, text)) {
    const found = names.find((one) => one.shown === name)
    if (found) return find(from, found.name)
  }
  throw new Error(`${name} is not in ${file}.`)
}

/** What a file hands on: names there, and what they are called here. */
function reexports(file, text) {
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '(\.[^']*)'/gm)].map(([, list, specifier]) => ({
    from: pathOf(file, specifier),
    names: list
      .split(',')
      .map((one) => one.trim().replace(/^type /, ''))
      .filter((one) => one !== '')
      .map((one) => {
        const [name, shown = name] = one.split(' as ')
        return { name, shown }
      }),
  }))
}

function section({ shown, name, from }) {
  const all = find(from, name).map(({ comment, code }) => ({
    comment,
    code: shown === name ? code : code.replace(name, shown),
  }))
  const words = all.map(({ comment }) => comment).filter((comment) => comment !== '')
  const code = all.map((one) => one.code).join('\n')
  return [`### ${shown}`, ...words.map(markdown), `\`\`\`typescript\n${code}\n\`\`\``].join('\n\n')
}

/** Tags as words in bold; an example as code. */
const markdown = (comment) =>
  comment
    .replace(
      /\s*@example\s+([\s\S]*?)(?=\n@|$)/g,
      (_, example) => `\n\nExample:\n\n\`\`\`typescript\n${example.trim()}\n\`\`\``,
    )
    .replace(/\s*@throws /g, '\n\n**Throws** ')
    .replace(/\s*@param (\w+) /g, '\n\n**`$1`**: ')
    .replace(/\s*@see /g, '\n\nSee ')
    .trim()

export function apiDocument() {
  const { name, exports } = JSON.parse(read('package.json'))
  const entries = Object.entries(exports).flatMap(([path, { import: way }]) =>
    way === undefined ? [] : [{ title: `${name}${path.slice(1)}`, file: normalize(way.types) }],
  )
  const parts = entries.map(({ title, file }) => {
    const text = read(file)
    const [intro = ''] = /^\/\*\*(?:[^*]|\*(?!\/))*\*\//.exec(text) ?? []
    const names = reexports(file, text).flatMap(({ names, from }) => names.map((one) => ({ ...one, from })))
    const sorted = names.sort((a, b) => (a.shown < b.shown ? -1 : 1))
    return [`## ${title}`, ...(intro ? [plain(intro)] : []), ...sorted.map(section)].join('\n\n')
  })
  const contents = entries.map(({ title }) => `- [${title}](#${title.replace(/[^\w-]/g, '')})`).join('\n')
  const head =
    '# Every export\n\nMade from the comments in the source by `npm run docs`. For a way in, read [library.md](library.md).'
  return `${[head, contents, ...parts].join('\n\n')}\n`
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) writeFileSync(join(root, 'docs/api.md'), apiDocument())
