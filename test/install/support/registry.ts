// A registry on this machine with the packages of a release and what they need: what `npm install` asks, and no more.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { root } from '../../runner/jobs.ts'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** Packs what the main package needs, as it lies in the checkout's node_modules, into `folder`. */
export function packDependencies(folder: string): void {
  const place = (name: string) => join(root, 'node_modules', name)
  const names = new Set(Object.keys(manifestIn(root).dependencies ?? {}))
  for (const name of names) for (const next of Object.keys(manifestIn(place(name)).dependencies ?? {})) names.add(next)
  pack([...names].map(place), folder)
}

export const packFolder = (from: string, folder: string): void => pack([from], folder)

function pack(folders: readonly string[], to: string): void {
  const words = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', to, ...folders]
  execFileSync('npm', words, { cwd: to, stdio: ['ignore', 'ignore', 'inherit'] })
}

export interface Registry {
  readonly url: string
  stop(): Promise<void>
}

interface Packed {
  readonly manifest: Manifest
  readonly file: string
  readonly octets: Buffer
}

/** What a registry says of a package that it has one version of. */
function packument({ manifest, file, octets }: Packed, url: string): object {
  const { name, version } = manifest
  const integrity = `sha512-${createHash('sha512').update(octets).digest('base64')}`
  const dist = { tarball: `${url}/${file}`, integrity }
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }
}

/** @param folder with tarballs of packages */
export async function startRegistry(folder: string): Promise<Registry> {
  const packages = new Map<string, Packed>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.tgz'))) {
    const path = join(folder, file)
    const manifest = JSON.parse(execFileSync('tar', ['-xOzf', path, 'package/package.json'], { encoding: 'utf8' }))
    packages.set(manifest.name, { manifest, file, octets: readFileSync(path) })
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    const byFile = [...packages.values()].find(({ file }) => file === path)
    const byName = packages.get(path)
    if (byFile === undefined && byName === undefined) response.statusCode = 404
    response.end(byFile?.octets ?? (byName === undefined ? '{}' : JSON.stringify(packument(byName, url))))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
