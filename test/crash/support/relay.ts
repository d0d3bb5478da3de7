// Joins its standard input and output to a Unix socket: the other end of tpm2-tss' `cmd:` TCTI, by which two programs
// share a TPM as they would through /dev/tpmrm0.
import { connect } from 'node:net'

const socket = connect(process.argv[2] ?? '')
process.stdin.pipe(socket).pipe(process.stdout)
socket.on('close', () => process.exit())
socket.on('error', () => process.exit(1))
