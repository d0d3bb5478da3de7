// The program `tessera`: bin/tessera loads this file.
import { runAsProcess } from './process.ts'

runAsProcess(process.argv.slice(2))
