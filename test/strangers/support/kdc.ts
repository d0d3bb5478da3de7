// A Kerberos realm of one's own: MIT's KDC on 127.0.0.1, which knows one person and takes PKINIT.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, certificate } from '../../enroll/support/openssl.ts'
import { freePorts } from '../../support/ports.ts'
import { atExit, tempDir, within } from '../../support/temp.ts'
import { newFile, ok, type RunOptions, run, type Said } from './tools.ts'

const PROGRAM = '/usr/sbin/krb5kdc'
/** False where installing one would have started it: scripts/setup then leaves it out. */
export const KDC_IS_HERE = existsSync(PROGRAM)
export const REALM = 'LAB.EXAMPLE'

export interface Kdc {
  /** A ticket for maria@LAB.EXAMPLE by what PKCS#11 finds under that number. */
  kinit(pin: string, module: string, id: string): Promise<Said>
  log(): string
  stop(): Promise<void>
}

/** RFC 4556, 3.2.4: what a KDC is called in its certificate. */
const KDC_NAMES = [
  'basicConstraints=CA:FALSE',
  'keyUsage=digitalSignature,keyEncipherment,keyAgreement',
  'extendedKeyUsage=1.3.6.1.5.2.3.5',
  'subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:kdc_name',
  '[kdc_name]',
  `realm=EXP:0,GeneralString:${REALM}`,
  'name=EXP:1,SEQUENCE:kdc_principal',
  '[kdc_principal]',
  'type=EXP:0,INTEGER:2',
  'parts=EXP:1,SEQUENCE:kdc_parts',
  '[kdc_parts]',
  'first=GeneralString:krbtgt',
  `second=GeneralString:${REALM}`,
]

/** @param ca name of the CA of people and of the KDC, in the folder of openssl.ts */
export async function startKdc(ca: string): Promise<Kdc> {
  const folder = tempDir('kdc')
  const port = await freePorts()
  certificate('kdc', { by: ca, kind: 'RSA-2048', subject: '/CN=kdc', extensions: KDC_NAMES })
  const anchors = `pkinit_anchors = FILE:${at(`${ca}.pem`)}`
  const where = `127.0.0.1:${port}`
  const files = {
    'krb5.conf': `[libdefaults]
 default_realm = ${REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 ${REALM} = {
  kdc = ${where}
  ${anchors}
 }
`,
    'kdc.conf': `[realms]
 ${REALM} = {
  database_name = ${folder}/principal
  key_stash_file = ${folder}/stash
  acl_file = ${folder}/acl
  kdc_listen = ${where}
  kdc_tcp_listen = ${where}
  pkinit_identity = FILE:${at('kdc.pem')},${at('kdc.key')}
  ${anchors}
  pkinit_eku_checking = scLogin
  pkinit_allow_upn = true
 }
[logging]
 kdc = FILE:${folder}/log
`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const env = { KRB5_CONFIG: join(folder, 'krb5.conf'), KRB5_KDC_PROFILE: join(folder, 'kdc.conf') }
  await ok('/usr/sbin/kdb5_util', ['create', '-s', '-r', REALM, '-P', 'master'], { env })
  const add = ['-r', REALM, 'addprinc', '+requires_preauth', '-randkey', `maria@${REALM}`]
  await ok('/usr/sbin/kadmin.local', add, { env })
  const child = spawn(PROGRAM, ['-n', '-r', REALM], { env: { ...process.env, ...env }, stdio: 'pipe' })
  atExit(() => child.kill('SIGKILL'))
  let said = ''
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`krb5kdc ended:\n${said}`)))
    for (const out of [child.stdout, child.stderr]) {
      out.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes('starting')) resolve()
      })
    }
  })
  await within(ready, 120_000, 'krb5kdc does not start')
  return {
    kinit(pin, module, id) {
      const identity = `X509_user_identity=PKCS11:module_name=${module}:certid=${id}`
      const options: RunOptions = {
        input: `${pin}\n`,
        env: { ...env, KRB5CCNAME: `FILE:${newFile('.cc')}` },
        ms: 60_000,
      }
      return run('kinit', ['-X', identity, `maria@${REALM}`], options)
    },
    log: () => readFileSync(join(folder, 'log'), 'utf8'),
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await within(ended, 120_000, 'krb5kdc does not end')
    },
  }
}
