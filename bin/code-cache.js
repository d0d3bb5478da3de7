// Writes dist/tessera.cjs.cache, what this Node's V8 makes of the program, so that bin/tessera need not have it compiled at
// each start. `npm run build` runs it; where the package is installed, the first start does (no script runs at installation).
const fs = require('node:fs')
const { wrap } = require('node:module')
const { dirname, join } = require('node:path')
const { setFlagsFromString } = require('node:v8')
const { Script } = require('node:vm')

const file = join(dirname(__dirname), 'dist', 'tessera.cjs')

function writeCache() {
  // All functions, and not only those that a first look at the file compiles. The flag is part of what V8 compares.
  setFlagsFromString('--no-lazy')
  const script = new Script(wrap(fs.readFileSync(file, 'utf8')), { filename: file })
  setFlagsFromString('--lazy')
  const made = `${file}.${process.pid}.new`
  try {
    fs.writeFileSync(made, script.createCachedData(), { mode: 0o600 })
    // V8 runs what is in it: read by those who may read the program, written by its owner, whatever the umask.
    fs.chmodSync(made, fs.statSync(file).mode & 0o644)
    fs.renameSync(made, `${file}.cache`)
  } finally {
    fs.rmSync(made, { force: true })
  }
}

// For the first start. Only beside the program: who may write there could change the program as well.
exports.writeCacheIfAllowed = () => {
  try {
    fs.accessSync(dirname(file), fs.constants.W_OK)
    writeCache()
  } catch {
    // Read-only, or no space left: the next start compiles again.
  }
}

// In a checkout that is not built there is nothing to do yet.
if (require.main === module && fs.existsSync(file)) writeCache()
