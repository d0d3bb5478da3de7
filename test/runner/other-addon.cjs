// Preloaded by `test/run --asan` into every process and thread of a test: where the product asks for its addon, it gets
// the one in TESSERA_ADDON. The product itself knows no such setting.
const Module = require('node:module')

const resolve = Module._resolveFilename
Module._resolveFilename = function (request, ...rest) {
  if (/[/\\]native[/\\]build[/\\]Release[/\\]tessera\.node$/.test(request)) return process.env.TESSERA_ADDON
  return resolve.call(this, request, ...rest)
}
