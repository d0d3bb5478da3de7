// Configurations of OpenSSL, in files.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../support/temp.ts'

const section = (lines: string) => `nodejs_conf = init\nopenssl_conf = init\n[init]\n${lines}`

export const CONFIGURATIONS = {
  /** Every algorithm is to be the default provider's: no other can serve. */
  defaultOnly: section('alg_section = properties\n[properties]\ndefault_properties = provider=default\n'),
  legacy: section('providers = all\n[all]\ndefault = on\nlegacy = on\nbase = on\n[on]\nactivate = 1\n'),
} as const

/** The environment of a process with that configuration. */
export function configured(name: keyof typeof CONFIGURATIONS): { readonly OPENSSL_CONF: string } {
  const file = join(tempDir('openssl'), 'openssl.cnf')
  writeFileSync(file, CONFIGURATIONS[name])
  return { OPENSSL_CONF: file }
}
