module.exports = require('./load.cjs')('enroll/index.js')
