// RSA-PSS as Node's node:crypto is told of it: the salt is as long as the hash (RFC 8017, 9.1).
import { constants } from 'node:crypto'

export const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } as const
