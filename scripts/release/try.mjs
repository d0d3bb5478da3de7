// node scripts/release/try.mjs FOLDER: the packages as a release has them, around the native part that this checkout has built,
// for the tests. It still needs the libraries of the system.
import { join } from 'node:path'
import { TARGETS } from './build.mjs'
import { packAddon, packMain } from './pack.mjs'
import { root } from './run.mjs'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('Where to? node scripts/release/try.mjs FOLDER')
console.log(packAddon(process.arch, join(root, 'native/build/Release/tessera.node'), [], folder))
console.log(
  packMain(
    TARGETS.map(({ arch }) => arch),
    folder,
  ),
)
