module.exports = require('./load.cjs')('signin/index.js')
