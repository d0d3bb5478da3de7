'use strict'

// The package is an ES module. Node 20.19, 22.12 and later can require() one; on older ones say what to do.
if (!process.features.require_module) {
  throw new Error(
    `tessera-card is an ES module, and Node ${process.versions.node} cannot require() it. ` +
      "Use `await import('tessera-card')`, or Node 20.19, 22.12 or later.",
  )
}
module.exports = require('./dist/index.js')
