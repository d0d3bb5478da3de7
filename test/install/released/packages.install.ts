// What is in the packages of a release: one version, no scripts, notices and a list of parts in each.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../runner/jobs.ts'
import { tempDir } from '../../support/temp.ts'
import { OUT } from '../support/released.ts'

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

for (const file of readdirSync(OUT).filter((name) => name.endsWith('.tgz'))) {
  test(`${file}: the version, no scripts, notices and a list of parts`, () => {
    const folder = join(tempDir('package'), 'x')
    mkdirSync(folder)
    execFileSync('tar', ['-xzf', join(OUT, file), '-C', folder])
    const read = (name: string) => readFileSync(join(folder, 'package', name), 'utf8')
    const manifest = JSON.parse(read('package.json'))
    assert.is(manifest.version, version)
    assert.equal([manifest.scripts, manifest.devDependencies, manifest.gypfile], [undefined, undefined, undefined])
    for (const wanted of Object.values(manifest.optionalDependencies ?? {})) assert.is(wanted, version)
    const bom = JSON.parse(read('sbom.cdx.json'))
    assert.is(bom.bomFormat, 'CycloneDX')
    for (const { name } of bom.components) assert.match(read('THIRD_PARTY.md'), `## ${name} `)
  })
}

test.run()
