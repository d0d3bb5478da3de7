module.exports = require('./load.cjs')('testing/index.js')
