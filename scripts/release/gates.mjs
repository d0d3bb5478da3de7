// What an addon must be to be shipped. Each gate answers in words what is wrong.
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { run } from './run.mjs'

/** The C library and its parts, which every system has on which Node itself starts. */
const NEEDED =
  /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/
const EXPORTED = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']
const LIMIT = 2 * 1024 * 1024

/** Dynamic symbols of an ELF file: their names without versions, and the versions. */
export function symbolsOf(file) {
  const rows = run('readelf', ['--wide', '--dyn-syms', file]).matchAll(
    /^ *\d+: [0-9a-f]+ +\S+ (\w+) +(GLOBAL|WEAK|UNIQUE) +\w+ +(?:\[[^\]]*\] )?(\w+) ([^\s@]+)(?:@+(\S+))?/gm,
  )
  const all = [...rows].map(([, , bind, section, name, version]) => ({
    name,
    version,
    bind,
    defined: section !== 'UND',
  }))
  const wanted = all.filter(({ defined }) => !defined)
  return { defined: all.filter(({ defined }) => defined).map(({ name }) => name), wanted }
}

/** @param nodes files of Node, by names that somebody will recognise */
export function gates(addon, nodes, { glibc }) {
  const dynamic = run('readelf', ['--wide', '--dynamic', addon])
  const { defined, wanted } = symbolsOf(addon)
  const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name)
  const versions = wanted.flatMap(
    ({ version }) =>
      /^GLIBC_(\d+)\.(\d+)/
        .exec(version ?? '')
        ?.slice(1, 3)
        .map(Number) ?? [],
  )
  const newest = versions.filter((_, index) => index % 2 === 1).reduce((most, minor) => Math.max(most, minor), 0)
  const foreign = wanted.filter(({ version, bind }) => version === undefined && bind !== 'WEAK').map(({ name }) => name)
  const size = statSync(addon).size
  return [
    ...needed.filter((name) => !NEEDED.test(name)).map((name) => `needs ${name}`),
    newest > Number(glibc.split('.')[1]) && `needs glibc 2.${newest}, later than ${glibc}`,
    /\(TEXTREL\)|TEXTREL/.test(dynamic) && 'has relocations in its code (TEXTREL)',
    !/BIND_NOW|\bNOW\b/.test(dynamic) && 'is not bound at once (-z now)',
    String(defined.sort()) !== String(EXPORTED) && `exports ${defined.join(', ')}`,
    ...nodes.map(([name, file]) => {
      const there = new Set(symbolsOf(file).defined)
      const missing = foreign.filter((symbol) => !there.has(symbol))
      return missing.length > 0 && `does not load in ${name}: ${missing.join(', ')}`
    }),
    /\.symtab\b/.test(run('readelf', ['--wide', '--sections', addon])) && 'is not stripped',
    / GNU_STACK .* RWE /.test(run('readelf', ['--wide', '--segments', addon])) && 'wants an executable stack',
    size > LIMIT && `has ${size} octets, more than ${LIMIT}`,
  ]
    .filter(Boolean)
    .map((what) => `${basename(addon)} ${what}`)
}
