module.exports = require('./load.cjs')('tls/index.js')
