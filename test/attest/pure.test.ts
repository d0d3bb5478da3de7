// Verification needs no TPM, no file, no socket and no native part: nothing that it imports, near or far, reaches any.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importsOf, resolveFrom } from '../house/arrows.ts'
import { root } from '../runner/jobs.ts'

/** Every file that is loaded with this one, and every module that is none of ours. */
function loadedWith(entry: string): { readonly files: Set<string>; readonly modules: Set<string> } {
  const [files, modules] = [new Set<string>(), new Set<string>()]
  const visit = (path: string): void => {
    if (files.has(path)) return
    files.add(path)
    for (const name of importsOf(readFileSync(join(root, 'src', path), 'utf8'), false)) {
      if (name.startsWith('.')) visit(resolveFrom(path, name))
      else modules.add(name)
    }
  }
  visit(entry)
  return { files, modules }
}

test('it imports octets, hashes and signatures, and nothing else of Node', () => {
  const { files, modules } = loadedWith('attest/index.ts')
  assert.equal([...modules].sort(), ['node:crypto', 'node:util/types', 'valibot'])
  assert.not([...files].some((path) => /^(native|addon|home|files|pcsc|cards)/.test(path)))
  assert.ok(files.has('tpm/lock/table.ts') && files.has('tpm/policy/digest.ts'), 'the code that makes cards')
})

test('a file that reaches a TPM is seen', () => {
  assert.ok(loadedWith('tpm/commands.ts').files.has('native.ts'))
})

test.run()
