// pam_pkcs11 as a program meets it through PAM, without changing the system: pam_wrapper makes PAM read another folder.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../support/temp.ts'
import { library } from './opensc.ts'
import { run, type Said } from './tools.ts'

const SERVICE = 'card'

export interface Pam {
  /** Whether PAM lets a user in by the first certificate on the card that has this common name. */
  lets(user: string, pin: string): Promise<Said>
}

/** @param anchor certificate (PEM) of the CA */
export function pamWith(module: string, anchor: string): Pam {
  const folder = tempDir('pam')
  const services = join(folder, 'pam.d')
  mkdirSync(services)
  const config = join(folder, 'pam_pkcs11.conf')
  writeFileSync(
    config,
    `pam_pkcs11 {
  nullok = false;
  debug = true;
  use_pkcs11_module = opensc;
  pkcs11_module opensc {
    module = ${module};
    slot_num = 0;
    support_threads = false;
    ca_dir = ${anchor};
    crl_dir = ${folder};
    cert_policy = ca,signature;
  }
  use_mappers = cn;
  mapper cn {
    module = internal;
    ignorecase = false;
    mapfile = "none";
  }
}
`,
  )
  writeFileSync(join(services, SERVICE), `auth required pam_pkcs11.so config_file=${config}\n`)
  const env = {
    LD_PRELOAD: library('libpam_wrapper.so'),
    PAM_WRAPPER: '1',
    PAM_WRAPPER_SERVICE_DIR: services,
  }
  return {
    lets: (user, pin) => run('pamtester', [SERVICE, user, 'authenticate'], { input: `${pin}\n`, env }),
  }
}
