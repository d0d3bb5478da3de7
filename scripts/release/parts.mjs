// What goes into the addon, each part pinned: Debian's packages by their SHA-256 here, npm's by parts/package-lock.json.
//
// Debian removes old versions. A part that is in build/release/parts (or in the folder of TESSERA_RELEASE_PARTS) is not asked
// for again: keep a copy of that folder with each release.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { place, root, run, say, sha256 } from './run.mjs'

/** From Debian. `suite` is where the version is, `debian` the architecture in Debian's words. */
export const DEBIAN_PARTS = {
  tss2: {
    source: 'tpm2-tss=4.1.3-1.2',
    suite: 'trixie',
    file: 'tpm2-tss_4.1.3.orig.tar.gz',
    sha256: '8a389bda64690910e7af7deaf64703a3faed416dc538c9c3e4f893f24893524d',
  },
  // Debian's changes to it: a fix in a later version of the package is in here, and the file above stays the same.
  tss2_changes: {
    source: 'tpm2-tss=4.1.3-1.2',
    suite: 'trixie',
    file: 'tpm2-tss_4.1.3-1.2.debian.tar.xz',
    sha256: '8fd8d4c04b343b9554dd92ae0736aeefa2d41e442f8b7a389a9d6188d0ce517a',
  },
  libtpms_x64: {
    package: 'libtpms-dev=0.9.2-3.1+deb12u1',
    debian: 'amd64',
    suite: 'bookworm',
    file: 'libtpms-dev_0.9.2-3.1+deb12u1_amd64.deb',
    sha256: '314bb001a205ec00d4761ef48474687e0e730884f3e21fcb4c1b38678cb5263c',
  },
  libtpms_arm64: {
    package: 'libtpms-dev=0.9.2-3.1+deb12u1',
    debian: 'arm64',
    suite: 'bookworm',
    file: 'libtpms-dev_0.9.2-3.1+deb12u1_arm64.deb',
    sha256: '72a220d035d28f981795833f26ef4379b4dfbc568baabd0a7f15fdf9b39dae8e',
  },
  // Headers alone, the same for each architecture.
  pcsc: {
    package: 'libpcsclite-dev=1.9.9-2',
    debian: 'amd64',
    suite: 'bookworm',
    file: 'libpcsclite-dev_1.9.9-2_amd64.deb',
    sha256: '3d577d6cbc8308ecba4df3956faec4600aa47bfd5fe2c0db3b171d51c38906aa',
  },
}

/** Of the package debian-archive-keyring. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

const kept = join(place, 'parts')

/** A part that Debian does not have, or not now: no fault of the checkout. */
export class NotThere extends Error {}

/** Path of a part of Debian, unchanged since it was pinned. */
export function debianPart(name) {
  const part = DEBIAN_PARTS[name]
  const path = join(kept, part.file)
  mkdirSync(kept, { recursive: true })
  const copy = join(process.env.TESSERA_RELEASE_PARTS ?? kept, part.file)
  if (existsSync(copy) && copy !== path) copyFileSync(copy, path)
  if (!existsSync(path)) {
    try {
      download(part)
    } catch (cause) {
      throw new NotThere(
        `${part.file} cannot be downloaded. Debian may have replaced it: docs/releasing.md.\n${cause.message}`,
      )
    }
  }
  if (sha256(path) !== part.sha256)
    throw new Error(`${path} is not what was pinned. Remove it, and look where it came from.`)
  return path
}

/** By apt-get with lists of its own: what this machine has installed and where it installs from stays as it is. */
function download({ source, package: binary, debian = 'amd64', suite, file }) {
  say(`apt-get ${file}`)
  const apt = join(place, 'apt', `${suite}-${debian}`)
  mkdirSync(join(apt, 'lists/partial'), { recursive: true })
  const sources = join(apt, 'debian.sources')
  const types = source === undefined ? 'deb' : 'deb-src'
  const text = { Types: types, URIs: mirror(), Suites: suite, Components: 'main', 'Signed-By': KEYRING }
  writeFileSync(
    sources,
    Object.entries(text)
      .map(([key, value]) => `${key}: ${value}\n`)
      .join(''),
  )
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(apt, 'lists'),
    'Dir::State::Status': '/dev/null',
    'Dir::Cache': apt,
    'APT::Architecture': debian,
    'APT::Architectures': debian,
  }
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  run('apt-get', ['-q', ...options, 'update'])
  const what = source === undefined ? ['download', binary] : ['source', '--download-only', source]
  run('apt-get', ['-q', ...options, ...what], { cwd: kept })
}

/** Where this machine has its Debian packages from. */
function mirror() {
  const lines = run('apt-get', ['indextargets', '--format', '$(ORIGIN)|$(LABEL)|$(REPO_URI)', 'Created-By: Packages'])
  const [, , uri] =
    lines
      .split('\n')
      .map((line) => line.split('|'))
      .find(([origin, label]) => origin === 'Debian' && label === 'Debian') ?? []
  if (uri === undefined) throw new Error('A release is made on Debian: apt-get update, then again.')
  return uri
}

/** Folder of a package of npm that is pinned in parts/package-lock.json; `sh scripts/setup release` installed it. */
export const npmPart = (name) => join(root, 'scripts/release/parts/node_modules', name)

/** The versions of Node that each binary must run on. The first is the one whose headers it is built with. */
export const NODE_MAJORS = [20, 22, 24, 26]
export const nodeFolder = (major, arch) => npmPart(`node-${major}-${arch}`)
