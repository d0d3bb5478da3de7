// The packages as npm gets them: `tessera-card`, and one for each kind of computer that has an addon.
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bom, insideMain, notices } from './notices.mjs'
import { place, root, run } from './run.mjs'

const checkout = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
export const version = checkout.version
/** In npm's words. */
export const packageName = (arch) => `@tessera-card/linux-${arch}-gnu`

/** @returns path of the tarball */
export function packAddon(arch, addon, components, out) {
  const name = packageName(arch)
  const { license, engines, description } = checkout
  const manifest = {
    name,
    version,
    description: `The native part of tessera-card for Linux on ${arch} with glibc`,
    license,
    engines,
    os: ['linux'],
    cpu: [arch],
    libc: ['glibc'],
    main: 'tessera.node',
  }
  return pack(name, out, manifest, components, (stage) => {
    copyFileSync(addon, join(stage, 'tessera.node'))
    chmodSync(join(stage, 'tessera.node'), 0o644)
    writeFileSync(join(stage, 'README.md'), `The native part of \`tessera-card\`, which installs it: ${description}.\n`)
  })
}

/** The main package: what the checkout's package.json lists, and the addons as optional dependencies of this very version. */
export function packMain(archs, out) {
  const { scripts: _, devDependencies: __, gypfile: ___, files: ____, private: _____, ...manifest } = checkout
  manifest.optionalDependencies = Object.fromEntries(archs.map((arch) => [packageName(arch), version]))
  return pack(checkout.name, out, manifest, insideMain(), (stage) => {
    const listed = run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], { cwd: root })
    for (const { path } of JSON.parse(listed)[0].files) {
      if (path !== 'package.json') cpSync(join(root, path), join(stage, path))
    }
    // For `tessera-card build-native`: it needs no other package.
    const headers = join(stage, 'native/node-addon-api')
    mkdirSync(headers, { recursive: true })
    for (const name of ['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h', 'LICENSE.md']) {
      copyFileSync(join(root, 'node_modules/node-addon-api', name), join(headers, name))
    }
  })
}

function pack(name, out, manifest, components, fill) {
  const stage = join(out, 'stage', name)
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  fill(stage)
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  copyFileSync(join(root, 'LICENSE'), join(stage, 'LICENSE'))
  writeFileSync(join(stage, 'THIRD_PARTY.md'), notices(name, components))
  writeFileSync(join(stage, 'sbom.cdx.json'), `${JSON.stringify(bom(name, version, components), null, 2)}\n`)
  const [{ filename }] = JSON.parse(
    run('npm', ['pack', stage, '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', out], {
      cwd: dirname(stage),
    }),
  )
  return join(out, filename.replace('@', '').replace('/', '-'))
}

export const outFolder = join(place, 'out')
