// npm run release: makes all tarballs in build/release/out, from parts that are pinned (parts.mjs), and stops where one
// fails a gate (gates.mjs). docs/releasing.md says how one becomes a release.
//
//   node scripts/release/main.mjs          everything, each addon built twice
//   node scripts/release/main.mjs --once   each addon built once: for a try, not for a release
//   node scripts/release/main.mjs x64      that architecture alone
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build, GLIBC, TARGETS } from './build.mjs'
import { gates } from './gates.mjs'
import { insideAddon } from './notices.mjs'
import { outFolder, packAddon, packMain } from './pack.mjs'
import { NODE_MAJORS, NotThere, nodeFolder } from './parts.mjs'
import { place, root, run, say, sha256 } from './run.mjs'

const words = process.argv.slice(2)
const once = words.includes('--once')
const archs = words.filter((word) => !word.startsWith('--'))
const unknown = words.filter((word) => word !== '--once' && !TARGETS.some(({ arch }) => arch === word))
if (unknown.length > 0) {
  console.error(
    `release: unknown argument ${unknown.join(' ')}. Known: --once, ${TARGETS.map(({ arch }) => arch).join(', ')}.`,
  )
  process.exit(1)
}

function makeAddon(target) {
  const { arch } = target
  const folder = join(place, arch)
  const addon = build(target, folder)
  const nodes = NODE_MAJORS.map((major) => [`Node ${major} (${arch})`, join(nodeFolder(major, arch), 'bin/node')])
  const wrong = gates(addon, nodes, { glibc: GLIBC })
  if (!once) {
    // Of the same copy: the checkout may have changed meanwhile.
    const again = build(target, join(place, `${arch}-in-another-folder`), folder)
    if (!readFileSync(addon).equals(readFileSync(again)))
      wrong.push(`tessera.node differs from ${again}, built of the same`)
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
  return packAddon(arch, addon, insideAddon(arch, folder), outFolder)
}

try {
  rmSync(outFolder, { recursive: true, force: true })
  mkdirSync(outFolder, { recursive: true })
  const chosen = TARGETS.filter(({ arch }) => archs.length === 0 || archs.includes(arch))
  const tarballs = chosen.map(makeAddon)
  // The man page has a date: that of the commit, so that the same commit gives the same octets on any day.
  const SOURCE_DATE_EPOCH = run('git', ['log', '-1', '--format=%ct'], { cwd: root }).trim()
  run(process.execPath, [join(root, 'scripts/build.mjs')], { cwd: root, env: { SOURCE_DATE_EPOCH } })
  tarballs.push(
    packMain(
      TARGETS.map(({ arch }) => arch),
      outFolder,
    ),
  )
  rmSync(join(outFolder, 'stage'), { recursive: true })
  // Debian removes what it has replaced: who asks for the sources of a release gets them from here.
  cpSync(join(place, 'parts'), join(outFolder, 'parts'), { recursive: true })
  writeFileSync(join(outFolder, 'SHA256SUMS'), tarballs.map((path) => `${sha256(path)}  ${basename(path)}\n`).join(''))
  for (const path of tarballs) say(`${path}, ${readFileSync(path).length} octets`)
} catch (error) {
  console.error(`release: ${error.message}`)
  // sysexits.h: try again later.
  process.exitCode = error instanceof NotThere ? 75 : 1
}
