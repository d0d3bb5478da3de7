module.exports = require('./load.cjs')('attest/index.js')
