// node scripts/code-cache.mjs: writes dist/tessera.cjs.cache, what this Node's V8 makes of the program, so that bin/tessera
// need not have it compiled at each start. `npm run build` runs it, and npm when the package is installed.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import Module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'tessera.cjs')

// In a checkout that is not built there is nothing to do yet.
if (existsSync(file)) {
  // All functions, and not only those that a first look at the file compiles. The flag is part of what V8 compares.
  setFlagsFromString('--no-lazy')
  const script = new Script(Module.wrap(readFileSync(file, 'utf8')), { filename: file })
  setFlagsFromString('--lazy')
  writeFileSync(`${file}.new`, script.createCachedData())
  renameSync(`${file}.new`, `${file}.cache`)
}
