// Cards as PKCS #11 tokens: by the module of p11-kit that asks a socket, which stands beside the one for PC/SC.
import { join } from 'node:path'
import { library } from './opensc.ts'

export const P11_KIT = library('pkcs11/p11-kit-client.so')

/** This process and the programs that it starts find the socket beside that of PC/SC by their environment. */
export function findPkcs11(): void {
  process.env.P11_KIT_SERVER_ADDRESS = `unix:path=${join(process.env.XDG_RUNTIME_DIR ?? '', 'tessera', 'pkcs11')}`
}
