'use strict'

// The package is an ES module. Node 20.19, 22.12 and later can require() one. What a test runner (Jest) has for require()
// in its contexts cannot: there Node's own does it. On older ones say what to do.
const { features, getBuiltinModule } = process.features.require_module
  ? process
  : require('node:vm').runInThisContext('process')
if (!features.require_module) {
  throw new Error(
    `tessera-card is an ES module, and Node ${process.versions.node} cannot require() it. ` +
      "Use `await import('tessera-card')`, or Node 20.19, 22.12 or later.",
  )
}
/** @param path below dist/ */
module.exports = (path) =>
  process.features.require_module
    ? require(`../dist/${path}`)
    : getBuiltinModule('node:module').createRequire(__filename)(`../dist/${path}`)
