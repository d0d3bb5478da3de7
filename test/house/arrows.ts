// Which part of src may import which: the arrows of docs/architecture.md as a table, and the checks that walk them.

/** What each part may import, besides itself and what everybody may. A part that is not here may not exist. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  bytes: [],
  dates: [],
  errors: [],
  mutex: [],
  addon: [],
  native: ['addon'],
  channel: [],
  trace: ['files', 'iso7816', 'piv'],
  'trace/reading': ['trace', 'tpm', 'iso7816', 'piv'],
  transactions: ['channel', 'trace'],
  files: [],
  https: [],
  home: ['files', 'native'],
  iso7816: [],
  piv: ['iso7816'],
  vault: ['piv'],
  x509: ['iso7816', 'piv'],
  'piv/card': ['iso7816', 'piv', 'vault', 'channel', 'transactions', 'x509'],
  'piv/host': ['iso7816', 'piv', 'vault', 'channel'],
  tpm: ['trace', 'piv', 'vault', 'native', 'files', 'home'],
  pcsc: ['channel', 'transactions', 'native'],
  cards: ['attest', 'tpm', 'pcsc', 'home', 'files', 'piv', 'vault', 'piv/card', 'piv/host', 'channel', 'iso7816'],
  doors: ['channel', 'files', 'home', 'native'],
  'doors/pkcs11': ['doors', 'piv', 'piv/host', 'iso7816', 'x509'],
  'doors/pcsc': ['doors', 'channel', 'piv'],
  'serve/vpcd': ['doors', 'channel', 'native'],
  serve: ['serve/vpcd', 'doors', 'doors/pcsc', 'doors/pkcs11', 'cards', 'tpm', 'home', 'channel'],
  enroll: ['attest', 'piv/host', 'piv', 'iso7816', 'x509', 'home', 'files', 'https', 'native'],
  'enroll/station': ['enroll', 'cards', 'piv/host', 'piv'],
  keys: ['piv/host', 'piv', 'iso7816', 'native', 'home'],
  attest: ['tpm', 'x509', 'iso7816', 'piv', 'channel'],
  tls: ['enroll', 'https', 'keys', 'piv/host', 'piv', 'native'],
  'lab-ca': ['iso7816', 'x509', 'files', 'https'],
  doctor: ['cards', 'tpm', 'pcsc', 'serve/vpcd', 'native'],
  signin: ['cards', 'tls', 'enroll', 'tpm', 'pcsc', 'home', 'files', 'piv', 'piv/host', 'https', 'x509'],
  testing: ['cards', 'serve', 'doors/pkcs11', 'channel', 'enroll', 'lab-ca', 'piv', 'piv/host', 'native'],
  validate: ['attest', 'tpm', 'piv', 'piv/host', 'cards', 'channel', 'iso7816', 'x509', 'files', 'home'],
  web: ['serve/vpcd', 'signin', 'cards', 'enroll', 'x509', 'pcsc', 'home', 'piv', 'piv/host'],
  terminal: ['native'],
  index: ['cards', 'tpm', 'pcsc', 'piv', 'vault', 'piv/host', 'channel'],
  tour: ['index', 'cards'],
  cli: [
    'terminal',
    'signin',
    'index',
    'cards',
    'enroll',
    'enroll/station',
    'x509',
    'serve',
    'serve/vpcd',
    'doors',
    'doors/pkcs11',
    'doctor',
    'tpm',
    'pcsc',
    'home',
    'piv',
    'vault',
    'piv/card',
    'piv/host',
    'channel',
    'lab-ca',
    'testing',
    'attest',
    'tls',
    'trace',
    'trace/reading',
    'web',
    'validate',
  ],
}
const everybodyMay = ['errors', 'bytes', 'dates', 'mutex']

/** Parts that are pure: they reach no file, socket, process or thread. */
const pure = ['bytes', 'dates', 'errors', 'mutex', 'iso7816', 'piv', 'vault']
const inputOutput = /^node:(fs|net|tls|http|https|dgram|child_process|worker_threads|os|cluster)\b/

export type Sources = Readonly<Record<string, string>>

/** The part of a path below src/: its folder, or the file if it is in none. Not every part is in the table. */
function partOf(path: string): string {
  if (path === 'piv/card/vault.ts') return 'vault'
  const [, part = path] =
    /^(piv\/(?:card|host)|serve\/vpcd|doors\/(?:pcsc|pkcs11)|enroll\/station|trace\/reading|[^/]+?)(?:\/|\.ts$)/.exec(
      path,
    ) ?? []
  return part
}

export const hasRow = (path: string): boolean => partOf(path) in arrows

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
const statement = /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm
const dynamic = /\bimport\(\s*['"`]([^'"`]+)['"`]/g

/** The module names a file imports, types included unless told otherwise. */
export function importsOf(text: string, types = true): string[] {
  const code = withoutComments(text)
  return [...code.matchAll(statement), ...code.matchAll(dynamic)]
    .filter((match) => types || !/^\s*(import|export)\s+type\b/.test(match[0]))
    .map((match) => match[1] ?? match[2] ?? '')
}

/** `./x.ts` seen from a path below src/, as a path below src/. */
export function resolveFrom(path: string, name: string): string {
  return new URL(name, `file:///${path}`).pathname.slice(1)
}

function checkImport(sources: Sources, path: string, part: string, name: string): string[] {
  if (!name.startsWith('.')) {
    return pure.includes(part) && inputOutput.test(name) ? [`${path}: ${part} is pure, but imports ${name}`] : []
  }
  const target = resolveFrom(path, name)
  if (!name.endsWith('.ts') || !(target in sources)) return [`${path}: imports ${name}, which is no .ts file of src`]
  const to = partOf(target)
  // An index.ts re-exports what is in the folders below it.
  if (path === `${part}/index.ts` && to.startsWith(`${part}/`)) return []
  if (to === part || everybodyMay.includes(to) || arrows[part]?.includes(to)) return []
  return [`${path}: ${part} may not import ${to} (${target})`]
}

/** All arrows that the table does not allow. `sources`: text by path below src/. */
export function wrongArrows(sources: Sources): string[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const part = partOf(path)
    if (!hasRow(path)) return [`${path}: belongs to no part of the table in test/house/arrows.ts`]
    return importsOf(text).flatMap((name) => checkImport(sources, path, part, name))
  })
}

/** Circles of imports, each as `a -> b -> a`. Type imports are erased and close no circle. */
export function circles(sources: Sources): string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at >= 0) found.push([...trail.slice(at), path].join(' -> '))
    if (at >= 0 || done.has(path)) return
    for (const name of importsOf(sources[path] ?? '', false)) {
      if (name.startsWith('.')) visit(resolveFrom(path, name), [...trail, path])
    }
    done.add(path)
  }
  for (const path of Object.keys(sources)) visit(path, [])
  return found
}

/** What a file holds besides comments and `export ... from '...'`: nothing, for index.ts. */
export function besidesReExports(text: string): string {
  return withoutComments(text)
    .replace(/^\s*export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*from\s*['"][^'"]+['"];?/gm, '')
    .trim()
}
