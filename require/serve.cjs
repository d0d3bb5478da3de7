module.exports = require('./load.cjs')('serve/index.js')
