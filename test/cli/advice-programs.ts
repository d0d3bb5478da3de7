// Command lines of other programs that messages and documents print: each is run by advice-programs.test.ts (`script`), is in
// another test (`test`), or cannot be run (`why`). test/house/printed.test.ts fails where one is printed that is not here.

/** As printed; in a message, X is what the source puts in. */
interface Line {
  readonly line: string
}
/** What a shell is given, in a folder with the files of the test, in the order of the table. */
interface Script extends Line {
  readonly script: string
}
/** A test that runs it, and text of that test which does. */
interface Elsewhere extends Line {
  readonly test: string
  readonly by: string
}
interface NotRun extends Line {
  readonly why: string
}

export type ProgramLine = Script | Elsewhere | NotRun

const IN_CHROMIUM = 'test/strangers/support/chromium.ts'
const SIGNED_IN = 'test/strangers/support/signed-in.ts'
const SSH = 'test/strangers/ssh.test.ts'
const CERTIFICATES = 'test/lab-ca/certificates.test.ts'
const EST = 'test/lab-ca/strongswan.test.ts'
const NEEDS_ROOT = 'needs root, and changes the machine'
const NOT_PUBLISHED = 'the package is not published yet'
const NEEDS_SYSTEMD = 'needs systemd, which the machines of the tests may not have'

/** The tools of tpm2-tools, on a TPM of the test. */
const TPM_TOOLS: readonly Script[] = [
  { line: 'tpm2_dictionarylockout -c', script: 'tpm2_dictionarylockout -c' },
  { line: 'tpm2_flushcontext -l and -s', script: 'tpm2_flushcontext -l; tpm2_flushcontext -s' },
  { line: 'tpm2_flushcontext -l', script: 'tpm2_flushcontext -l' },
  { line: 'tpm2_flushcontext -t', script: 'tpm2_flushcontext -t' },
  {
    line: 'tpm2_evictcontrol -c 0x81000001',
    script:
      'tpm2_createprimary -Q -C o -c p.ctx; tpm2_evictcontrol -Q -C o -c p.ctx 0x81000001; tpm2_evictcontrol -c 0x81000001',
  },
]

export const IN_MESSAGES: readonly ProgramLine[] = [
  ...TPM_TOOLS,
  { line: 'tpm2_nvundefine', why: 'which index is not needed, only its owner knows' },
  {
    line: 'openssl pkcs12 -legacy -in OLD -out KEY.pem; openssl pkcs12 -export -in KEY.pem -out NEW',
    script:
      'openssl pkcs12 -legacy -in old.p12 -out key.pem -passin pass:geheim -passout pass:key; openssl pkcs12 -export -in key.pem -out new.p12 -passin pass:key -passout pass:geheim',
  },
  { line: 'openssl pkey -in PRIVATE.pem -pubout', script: 'openssl pkey -in traditional.pem -pubout' },
  { line: 'openssl rand -hex 16', script: 'openssl rand -hex 16' },
  { line: 'chmod 600', script: 'chmod 600 old.p12' },
  { line: "chmod 700 'X'", script: "mkdir -p run; chmod 700 'run'" },
  { line: "curl --unix-socket 'X' http://service/", test: 'test/signin/cli.test.ts', by: "'--unix-socket', socket" },
  { line: 'kinit', test: 'test/strangers/support/kdc.ts', by: "'kinit'" },
  { line: 'npm install kerberos', why: 'the package is no dependency, and is not in the lock file' },
  {
    line: 'npx tessera-card build-native',
    test: 'test/install/released/from-source.install.ts',
    by: "'npx tessera-card build-native'",
  },
  // The command without a package, as a value of its own in src/addon/faults.ts.
  { line: "npm install'", why: NOT_PUBLISHED },
  { line: 'npm install -g', why: NOT_PUBLISHED },
  { line: 'npm ci', test: 'scripts/setup', by: 'npm ci' },
  { line: 'systemctl start pcscd.socket', why: NEEDS_SYSTEMD },
  { line: 'systemctl restart pcscd', why: NEEDS_SYSTEMD },
  { line: 'systemctl --user daemon-reload && systemctl --user start X.timer', why: NEEDS_SYSTEMD },
  { line: 'systemctl --user stop X.timer', why: NEEDS_SYSTEMD },
  { line: 'loginctl enable-linger', why: NEEDS_SYSTEMD },
  { line: 'pcscd --foreground', test: 'test/support/pcscd.ts', by: "'pcscd', '--foreground'" },
  { line: 'sudo usermod -aG tss "$USER"', why: NEEDS_ROOT },
  { line: 'sudo usermod -aG X USER', why: NEEDS_ROOT },
  { line: 'openssl dgst -verify', test: 'src/tour/main.ts', by: "'openssl'" },
  { line: 'apt-get install X', why: 'the package is in a table of native/, and scripts/setup installs it' },
  {
    line: 'apt-get install cmake make g++ pkg-config libtss2-dev libtpms-dev libpcsclite-dev',
    test: 'scripts/setup',
    by: 'cmake make g++ pkg-config libtss2-dev libtpms-dev libpcsclite-dev',
  },
  { line: 'apt-get install pcscd', test: 'scripts/setup', by: 'pcscd' },
  { line: 'apt-get install pcscd vsmartcard-vpcd', test: 'scripts/setup', by: 'pcscd vsmartcard-vpcd' },
  { line: 'apt-get install vsmartcard-vpcd', test: 'scripts/setup', by: 'vsmartcard-vpcd' },
]

const README_SIGNATURE = 'openssl dgst -sha256 -verify public.pem -signature README.sig README.md'
const RUN_BY_THE_RUNNER = 'it is what runs the tests'
const TAKES_LONG = 'takes minutes, and measures nothing while tests run'

export const IN_DOCUMENTS: readonly ProgramLine[] = [
  { line: README_SIGNATURE, test: 'examples/served-card.sh', by: 'openssl dgst -sha256 -verify' },
  {
    line: 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out help-desk-private.pem',
    script: 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out help-desk-private.pem',
  },
  {
    line: 'openssl pkey -in help-desk-private.pem -pubout -out help-desk-public.pem',
    script: 'openssl pkey -in help-desk-private.pem -pubout -out help-desk-public.pem',
  },
  {
    line: 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -out help-desk-private.pem',
    script:
      'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:geheim -out help-desk-private.pem',
  },
  {
    line: 'swtpm socket --tpm2 --tpmstate dir=/tmp/tpm --flags startup-clear --server type=tcp,port=2321 --ctrl type=tcp,port=2322',
    test: 'test/support/swtpm.ts',
    by: "'swtpm', 'socket', '--tpm2'",
  },
  { line: 'node test/run tpm/lock', why: RUN_BY_THE_RUNNER },
  { line: 'node --import tsx FILE', why: RUN_BY_THE_RUNNER },
  { line: 'node scripts/native.mjs', test: 'scripts/setup', by: 'node scripts/native.mjs' },
  { line: 'npm ci', test: 'scripts/setup', by: 'npm ci' },
  { line: 'npm install tessera-card', why: NOT_PUBLISHED },
  { line: 'npx tessera', why: NOT_PUBLISHED },
  {
    line: 'npx tessera-card build-native',
    test: 'test/install/released/from-source.install.ts',
    by: "'npx tessera-card build-native'",
  },
  { line: 'npm install kerberos', why: 'the package is no dependency, and is not in the lock file' },
  { line: 'npm publish', why: 'publishes' },
  { line: 'npm publish --provenance', why: 'publishes' },
  { line: 'systemctl --user --failed', why: NEEDS_SYSTEMD },
  { line: 'journalctl --user -u tessera-renewal-CARD-SLOT', why: NEEDS_SYSTEMD },
  { line: 'find /usr/lib* -name opensc-pkcs11.so', script: 'find /usr/lib* -name opensc-pkcs11.so | grep -q .' },
  { line: 'ssh-keygen -Y sign -n file -f PUBLICKEY FILE', test: SSH, by: "'-Y', 'sign', '-n', 'file', '-f'" },
  { line: 'pkcs11-tool -O', test: 'test/strangers/opensc-view.test.ts', by: '--list-objects' },
  {
    line: 'ykman piv access change-management-key -a TDES',
    test: 'test/strangers/ykman.test.ts',
    by: "'TDES'",
  },
  {
    line: 'ykman piv access change-management-key --protect',
    test: 'test/strangers/as-yubikey.test.ts',
    by: "'change-management-key', '--generate', '--protect'",
  },
  { line: 'npm run test:install -- --all', why: TAKES_LONG },
  { line: 'npm run test:nodes -- --all', why: TAKES_LONG },
  { line: 'npm run bench -- tls', why: TAKES_LONG },
  { line: 'npm run bench -- --quick', why: TAKES_LONG },
  { line: 'npm run bench -- --long', why: TAKES_LONG },
  { line: 'npm run bench -- embedded P-256 once signatures readers', why: TAKES_LONG },
  { line: 'npm run bench -- --publish', why: TAKES_LONG },
  { line: 'npm run bench -- --compare released', why: TAKES_LONG },
  { line: 'npm run bench -- --compare COMMIT', why: TAKES_LONG },
  { line: 'ssh-keygen -D /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so', test: SSH, by: "'ssh-keygen', ['-D', OPENSC]" },
  { line: 'ssh-keygen -D $MODULE', test: SSH, by: "'ssh-keygen', ['-D', OPENSC]" },
  { line: 'ssh -I $MODULE host', test: SSH, by: 'WITH_CARD' },
  { line: 'ssh host', test: SSH, by: 'IdentityAgent' },
  { line: 'ssh-add -s $MODULE', test: SSH, by: "'ssh-add', ['-s', OPENSC]" },
  { line: 'ssh-add -e $MODULE', test: SSH, by: "'ssh-add', ['-e', OPENSC]" },
  { line: 'certutil -d sql:$HOME/.pki/nssdb -N --empty-password', test: IN_CHROMIUM, by: "'-N', '--empty-password'" },
  {
    line: 'pkcs11-tool --keypairgen --key-type EC:prime256v1 --id 01',
    test: 'test/doors/pkcs11/strangers.test.ts',
    by: "'--keypairgen', '--key-type', 'EC:prime256v1'",
  },
  {
    line: 'certutil -d sql:$HOME/.pki/nssdb -A -n sample -t P,, -i service/server.pem',
    test: IN_CHROMIUM,
    by: "'P,,'",
  },
  {
    line: 'modutil -dbdir sql:$HOME/.pki/nssdb -add OpenSC -libfile $MODULE',
    test: IN_CHROMIUM,
    by: "'-libfile', OPENSC",
  },
  {
    line: 'curl --cacert service/server.pem --engine pkcs11 --key-type ENG --key pkcs11:token=maria;id=%01;type=private --cert-type ENG --cert pkcs11:token=maria;id=%01;type=cert https://127.0.0.1:8445/',
    test: SIGNED_IN,
    by: "'--engine', 'pkcs11', '--key-type', 'ENG'",
  },
  {
    line: 'openssl s_client -connect 127.0.0.1:8445 -CAfile service/server.pem -engine pkcs11 -keyform engine -key pkcs11:token=maria;id=%01;type=private -cert maria.pem',
    test: SIGNED_IN,
    by: "'-engine', 'pkcs11', '-keyform', 'engine'",
  },
  { line: 'pkcs15-tool --list-certificates', test: 'test/strangers/opensc-view.test.ts', by: '--list-certificates' },
  {
    line: 'pkcs11-tool --login --id 01 --sign -m ECDSA-SHA256 --signature-format openssl -i README.md -o README.sig',
    test: 'examples/served-card.sh',
    by: '--sign --mechanism ECDSA-SHA256 --signature-format openssl -i README.md -o',
  },
  {
    line: 'pki --estca --url https://127.0.0.1:8443 --cacert ca.pem --caout fetched.pem --outform pem',
    test: EST,
    by: "'--estca'",
  },
  {
    line: 'pki --req --in key.pem --type ecdsa --dn CN=alice',
    script: 'pki --req --in traditional.pem --type ecdsa --dn CN=alice > alice.p10',
  },
  {
    line: 'pki --est --url https://127.0.0.1:8443 --cacert ca.pem --in alice.p10 --userpass alice:PASSWORD --outform pem',
    test: EST,
    by: "'--userpass'",
  },
  {
    line: 'pki --est --url https://127.0.0.1:8443 --cacert ca.pem --in new.p10 --cert alice.pem --key key.pem --outform pem',
    test: EST,
    by: "'--cert', path, '--key', key, '--outform', 'pem'",
  },
  {
    line: 'curl --cacert ca.pem --user alice --data-urlencode Mode=newreq --data-urlencode CertRequest@alice.csr --data-urlencode CertAttrib=CertificateTemplate:SmartcardUser https://127.0.0.1:8443/certsrv/certfnsh.asp',
    test: 'test/lab-ca/certsrv.test.ts',
    by: 'CertAttrib=CertificateTemplate:',
  },
  {
    line: 'curl --cacert ca.pem --user alice https://127.0.0.1:8443/certsrv/certnew.cer?ReqID=1&Enc=b64',
    test: 'test/lab-ca/certsrv.test.ts',
    by: '}&Enc=b64',
  },
  {
    line: 'openssl verify -CAfile ca.pem -purpose sslclient alice.pem',
    test: CERTIFICATES,
    by: "'sslclient', 'smimesign'",
  },
  { line: 'openssl crl -inform DER -in ca.crl -out crl.pem', test: CERTIFICATES, by: "'crl', '-inform', 'DER'" },
  {
    line: 'openssl verify -CAfile ca.pem -crl_check -CRLfile crl.pem alice.pem',
    test: CERTIFICATES,
    by: "'-crl_check'",
  },
  {
    line: 'npx tsx examples/relying-party/main.ts --directory service --ca lab-ca/ca.pem --users users.json',
    test: 'test/strangers/first-sign-in.test.ts',
    by: 'docs/first-sign-in.md',
  },
  {
    line: 'curl --cacert service/server.pem --cert maria.pem --key maria.key https://127.0.0.1:8445/',
    test: 'test/relying-party/service.test.ts',
    by: "'--cacert', join(directory, 'server.pem')",
  },
  {
    line: 'curl --unix-socket $TESSERA_HOME/run/maria@lab.example.sock http://service/',
    test: 'test/signin/cli.test.ts',
    by: "'--unix-socket', socket",
  },
  {
    line: 'curl --unix-socket $TESSERA_HOME/run/maria@lab.example.sock http://service/orders',
    test: 'test/signin/cli.test.ts',
    by: "'--unix-socket', socket",
  },
  { line: 'pcscd --foreground', test: 'test/support/pcscd.ts', by: "'pcscd', '--foreground'" },
  { line: 'npm install -g tessera-card', why: NOT_PUBLISHED },
  { line: 'nft add table inet tessera', why: NEEDS_ROOT },
  { line: 'nft add chain inet tessera input { type filter hook input priority 0 ; }', why: NEEDS_ROOT },
  { line: 'nft add rule inet tessera input iifname != lo tcp dport 35963-35964 drop', why: NEEDS_ROOT },
  { line: 'iptables -I INPUT ! -i lo -p tcp --dport 35963:35964 -j DROP', why: NEEDS_ROOT },
  { line: 'systemctl --user enable --now tessera-serve@work', why: NEEDS_SYSTEMD },
  { line: 'loginctl enable-linger', why: NEEDS_SYSTEMD },
  { line: 'pkcs11-tool -L', test: 'test/strangers/opensc-view.test.ts', by: '--list-slots' },
]
