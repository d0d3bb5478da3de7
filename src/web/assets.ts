// The files of the page, which scripts/build.mjs makes: read once, and nothing else is ever served.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Language, languageOf, TITLES } from './texts/index.ts'

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

const HTML = 'text/html; charset=utf-8'
const FILES = {
  '/': ['index.html', HTML],
  '/sign-in': ['index.html', HTML],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const

export async function readAssets(): Promise<(path: string, headers: LanguageHeaders) => Asset | undefined> {
  // By the package's own name, which works wherever this file was built to.
  const folder = join(dirname(createRequire(import.meta.url).resolve('tessera-card/package.json')), 'dist/web/pages')
  const assets = new Map<string, Asset>()
  for (const [path, [file, type]] of Object.entries(FILES))
    assets.set(path, { type, body: await readFile(join(folder, file)) })
  return (path, headers) => {
    const asset = assets.get(path)
    return asset === undefined || asset.type !== HTML
      ? asset
      : { ...asset, body: inLanguage(asset.body, chosen(headers)) }
  }
}

interface LanguageHeaders {
  readonly cookie?: string | undefined
  readonly 'accept-language'?: string | undefined
}

/** What was chosen at the page, else what the browser prefers. */
const chosen = (headers: LanguageHeaders): Language =>
  languageOf(/(?:^|; )tessera-language=(\w+)/.exec(headers.cookie ?? '')?.[1] ?? headers['accept-language'] ?? '')

const inLanguage = (html: Buffer, language: Language): Buffer =>
  Buffer.from(
    html.toString().replace('lang="en"', `lang="${language}"`).replace(`>${TITLES.en}<`, `>${TITLES[language]}<`),
  )
