// Writes dist/tessera.cjs.cache, what this Node's V8 makes of the program, so that bin/tessera need not have it compiled at
// each start. `npm run build` runs it; where the package is installed, the first start does (no script runs at installation).
const { accessSync, constants, existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs')
const { wrap } = require('node:module')
const { dirname, join } = require('node:path')
const { setFlagsFromString } = require('node:v8')
const { Script } = require('node:vm')

const file = join(dirname(__dirname), 'dist', 'tessera.cjs')

function writeCache() {
  // All functions, and not only those that a first look at the file compiles. The flag is part of what V8 compares.
  setFlagsFromString('--no-lazy')
  const script = new Script(wrap(readFileSync(file, 'utf8')), { filename: file })
  setFlagsFromString('--lazy')
  const made = `${file}.${process.pid}.new`
  writeFileSync(made, script.createCachedData())
  renameSync(made, `${file}.cache`)
}

// For the first start. Only beside the program: who may write there could change the program as well.
exports.writeCacheIfAllowed = () => {
  try {
    accessSync(dirname(file), constants.W_OK)
    writeCache()
  } catch {
    // Read-only, or no space left: the next start compiles again.
  }
}

// In a checkout that is not built there is nothing to do yet.
if (require.main === module && existsSync(file)) writeCache()
