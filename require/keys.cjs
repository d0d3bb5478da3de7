module.exports = require('./load.cjs')('keys/index.js')
