// Every command line that a message or a document prints: the state in which it is printed, and the line as somebody then
// types it. test/house/printed.test.ts fails where one is printed that is not here.

/** States of a card that need nothing but a TPM: advice.test.ts. */
export type CardState =
  | 'none'
  | 'fresh'
  | 'empty'
  | 'keyed'
  | 'ready'
  | 'begun'
  | 'halfRenamed'
  | 'desk'
  | 'blocked'
  | 'helpDesk'
  | 'nobody'
  | 'swtpm'

/** States with a CA, a service or a reader: advice-services.test.ts. */
export type ServiceState =
  | 'labCa'
  | 'officer'
  | 'agent'
  | 'issued'
  | 'enrolled'
  | 'renamed'
  | 'service'
  | 'account'
  | 'signedIn'
  | 'reader'
  | 'served'

export interface Advice<State> {
  /** As printed; X is what a source puts in. */
  readonly line: string
  readonly state: State
  /** With `{name}` where the state says what; as printed unless given. */
  readonly typed?: string
  /** Not 0 where it is stopped by a signal, or where the help desk does not answer. */
  readonly code?: number
  /** Runs until it is stopped, which happens once it has said this. */
  readonly until?: string
}

export const ADVICE: ReadonlyArray<Advice<CardState>> = [
  { line: '--card X pin change', state: 'fresh', typed: '--card work pin change --pin-file change' },
  { line: '--card X pin change-puk', state: 'fresh', typed: '--card work pin change-puk --pin-file change-puk' },
  { line: '--card X admin-key change', state: 'ready', typed: '--card work admin-key change --pin-file admin' },
  {
    line: '--trace trace sign 9a README.md -o README.sig',
    state: 'ready',
    typed: '--trace trace sign 9a README.md -o README.sig --pin-file pin',
  },
  { line: 'validate', state: 'none', typed: 'validate --classes R' },
  { line: 'validate --list', state: 'none' },
  {
    line: 'validate --simulate slb9670',
    state: 'none',
    typed: 'validate --simulate slb9670 --classes R --only tpm.identity',
  },
  {
    line: 'validate --tpm swtpm:host=127.0.0.1,port=2321 --out report',
    state: 'swtpm',
    typed: 'validate --tpm swtpm:host=127.0.0.1,port={port} --out report --classes R',
  },
  { line: 'trace show trace', state: 'ready' },
  { line: 'trace pcapng trace -o trace.pcapng', state: 'ready' },
  { line: '--help', state: 'none' },
  { line: 'accounts', state: 'ready' },
  { line: 'cert delete X', state: 'ready', typed: 'cert delete 9a --yes --pin-file pin' },
  { line: 'cert import X FILE', state: 'ready', typed: 'cert import 9a 9a.pem --yes --pin-file pin' },
  { line: 'cert list', state: 'ready' },
  { line: 'cert request 9a', state: 'keyed', typed: 'cert request 9a --pin-file pin' },
  { line: 'cert self-sign 9a', state: 'keyed', typed: 'cert self-sign 9a --pin-file pin' },
  { line: 'cert show 9a', state: 'ready' },
  { line: 'completion bash', state: 'none' },
  { line: 'completion fish', state: 'none' },
  { line: 'create NAME', state: 'none', typed: 'create work' },
  { line: 'create X', state: 'none', typed: 'create work' },
  { line: 'create desk', state: 'none' },
  {
    line: 'create field --puk none --help-desk-key help-desk-public.pem',
    state: 'none',
  },
  {
    line: 'create trial --tcti swtpm:host=127.0.0.1,port=2321',
    state: 'swtpm',
    typed: 'create trial --tcti swtpm:host=127.0.0.1,port={port}',
  },
  { line: 'create work', state: 'none' },
  { line: 'destroy NAME', state: 'ready', typed: 'destroy work --yes' },
  { line: 'destroy X --yes', state: 'ready', typed: 'destroy work --yes' },
  { line: 'destroy desk --yes', state: 'desk' },
  { line: 'doctor', state: 'ready' },
  { line: 'enroll X --abandon', state: 'begun', typed: 'enroll 9c --abandon --yes --pin-file pin' },
  {
    line: 'help-desk respond CHALLENGE --private-key help-desk-private.pem',
    state: 'none',
    typed: 'help-desk respond {challenge} --private-key help-desk-private.pem --yes',
  },
  { line: 'info', state: 'ready' },
  { line: 'info X', state: 'halfRenamed', typed: 'info office' },
  { line: 'key generate 9a', state: 'empty', typed: 'key generate 9a --pin-file pin' },
  { line: 'key generate 9a -o public.pem', state: 'empty', typed: 'key generate 9a -o public.pem --pin-file pin' },
  { line: 'key generate SLOT', state: 'ready', typed: 'key generate 9c --pin-file pin' },
  { line: 'key generate X', state: 'ready', typed: 'key generate 9c --pin-file pin' },
  { line: 'key generate X --yes', state: 'keyed', typed: 'key generate 9a --yes --pin-file pin' },
  { line: 'key list', state: 'ready' },
  { line: 'list', state: 'none' },
  { line: 'object delete TAG', state: 'ready', typed: 'object delete chuid --yes --pin-file pin' },
  { line: 'object list', state: 'ready' },
  { line: 'pin change', state: 'fresh', typed: 'pin change --pin-file change' },
  { line: 'pin status', state: 'blocked' },
  { line: 'pin unblock', state: 'blocked', typed: 'pin unblock --pin-file unblock' },
  // Nobody answers the challenge here: the response is an empty line.
  { line: 'pin unblock --help-desk', state: 'helpDesk', typed: 'pin unblock --help-desk --pin-file pin', code: 4 },
  { line: 'rename X X', state: 'halfRenamed', typed: 'rename work office' },
  { line: 'rename work desk', state: 'ready' },
  { line: 'reset X', state: 'nobody', typed: 'reset work --yes' },
  { line: 'reset X --yes', state: 'ready', typed: 'reset work --yes' },
  { line: 'reset desk --yes', state: 'desk' },
  { line: 'pkcs11 --module-file', state: 'none' },
  {
    line: 'run -- pkcs11-tool --module /usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so --list-objects',
    state: 'ready',
  },
  // Without the script of docs/ci.md, which test/testing/recipes.test.ts has.
  { line: 'lab -- sh test.sh', state: 'none', code: 2 },
  { line: 'run -- pkcs11-tool -L', state: 'ready' },
  { line: 'run --create -- pkcs11-tool -L', state: 'none' },
  { line: 'run PROGRAM', state: 'ready', typed: 'run true' },
  { line: 'run -- sh', state: 'ready', typed: 'run -- sh -c true' },
  {
    line: 'run -- ssh-keygen -D /usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so',
    state: 'ready',
  },
  { line: 'run -- ssh-keygen -D /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so', state: 'ready' },
  { line: 'run --card work -- sh', state: 'ready', typed: 'run --card work -- sh -c true' },
  {
    line: 'sign 9a README.md -o README.sig',
    state: 'keyed',
    typed: 'sign 9a README.md -o README.sig --pin-file pin',
  },
]

const LOGIN = '--user alice --ca-file {caFile} --password-file {password} --pin-file {pin}'

const OFFICER = '--user officer --ca-file {caFile} --password-file {password}'

export const SERVICE_ADVICE: ReadonlyArray<Advice<ServiceState>> = [
  {
    line: '--card reader:virtual validate',
    state: 'served',
  },
  {
    line: '--card reader:virtual sign 9a README.md -o README.sig',
    state: 'served',
    typed: '--card reader:virtual sign 9a README.md -o README.sig --pin-file {pin}',
  },
  { line: 'enroll X --est URL', state: 'labCa', typed: `enroll 9c --est {est} ${LOGIN}` },
  {
    line: 'enroll 9a --est https://ca.example --user maria --ca-file ca.pem',
    state: 'labCa',
    typed: `enroll 9a --est {est} ${LOGIN}`,
  },
  {
    line: 'enroll 9a --est https://127.0.0.1:8443 --user maria --ca-file ~/.local/share/tessera/lab-ca/ca.pem',
    state: 'labCa',
    typed: `enroll 9a --est {est} ${LOGIN}`,
  },
  { line: 'enroll X --renew --est URL', state: 'enrolled', typed: `enroll 9a --renew --est {est} ${LOGIN}` },
  {
    line: '--card X enroll X --renew',
    state: 'enrolled',
    typed: '--card work enroll 9a --renew --password-file {password} --pin-file {pin}',
  },
  {
    line: '--card X needs-renewal X --remove-timer',
    state: 'renamed',
    typed: '--card work needs-renewal 9a --remove-timer',
  },
  {
    line: '--card X needs-renewal X --install-timer --pin-file FILE',
    state: 'renamed',
    typed: '--card office needs-renewal 9a --install-timer --pin-file {pin} --password-file {password}',
  },
  {
    line: 'enroll X --renew',
    state: 'enrolled',
    typed: 'enroll 9a --renew --password-file {password} --pin-file {pin}',
  },
  { line: 'forget ADDRESS', state: 'account', typed: 'forget alice@lab.example --yes' },
  { line: 'forget X', state: 'account', typed: 'forget alice@lab.example --yes' },
  { line: 'forget maria@lab.example', state: 'signedIn', typed: 'forget alice@lab.example --yes' },
  {
    line: 'lab-ca',
    state: 'labCa',
    typed: 'lab-ca --directory {new} --listen 127.0.0.1:0',
    until: 'runs at',
    code: 143,
  },
  {
    line: 'lab-ca start --directory X',
    state: 'labCa',
    typed: 'lab-ca start --directory {new} --listen 127.0.0.1:0',
    until: 'runs at',
    code: 143,
  },
  { line: 'lab-ca approve --all', state: 'labCa', typed: 'lab-ca approve --all --directory {directory}' },
  { line: 'lab-ca approve X', state: 'labCa', typed: 'lab-ca approve 1 --directory {directory}' },
  { line: 'lab-ca revoke X', state: 'issued', typed: 'lab-ca revoke 1 --directory {directory}' },
  { line: 'lab-ca list', state: 'labCa', typed: 'lab-ca list --directory {directory}' },
  {
    line: 'lab-ca user add NAME',
    state: 'labCa',
    typed: 'lab-ca user add carol --directory {directory} --pin-file {password}',
  },
  {
    line: 'lab-ca user add alice',
    state: 'labCa',
    typed: 'lab-ca user add alice --directory {new} --pin-file {password}',
  },
  {
    line: 'lab-ca user add officer --enrolment-agent',
    state: 'labCa',
    typed: 'lab-ca user add officer --enrolment-agent --directory {directory} --pin-file {password}',
  },
  {
    line: 'lab-ca user add X --enrolment-agent',
    state: 'labCa',
    typed: 'lab-ca user add alice --enrolment-agent --yes --directory {directory} --pin-file {password}',
  },
  {
    line: '--card desk enroll 9a --est https://127.0.0.1:8443 --user officer --ca-file ca.pem --template enrollment-agent',
    state: 'officer',
    typed: `--card desk enroll 9a --est {est} ${OFFICER} --template enrollment-agent --pin-file {pin}`,
  },
  {
    line: 'station maria --certsrv https://127.0.0.1:8443 --user officer --ca-file ca.pem --template SmartcardUser --on-behalf-of LAB\\alice --agent desk',
    state: 'agent',
    typed: `station maria --certsrv {est} ${OFFICER} --template SmartcardUser --on-behalf-of LAB\\alice --agent desk --agent-pin-file {pin}`,
  },
  {
    line: 'lab-ca user add maria',
    state: 'labCa',
    typed: 'lab-ca user add maria --directory {directory} --pin-file {password}',
  },
  { line: 'web', state: 'service', typed: 'web --url-only', until: 'Open this address' },
  { line: 'serve NAME', state: 'reader', typed: 'serve work --vpcd 127.0.0.1:{vpcd}', until: 'Serving card' },
  { line: 'serve NAME --vpcd X', state: 'reader', typed: 'serve work --vpcd 127.0.0.1:{vpcd}', until: 'Serving card' },
  { line: 'serve %i', state: 'reader', typed: 'serve work --vpcd 127.0.0.1:{vpcd}', until: 'Serving card' },
  { line: 'serve work', state: 'reader', typed: 'serve work --vpcd 127.0.0.1:{vpcd}', until: 'Serving card' },
  {
    line: 'serve NAME --vpcd-listen PORT',
    state: 'reader',
    typed: 'serve work --vpcd-listen {free}',
    until: 'not in a reader',
  },
  {
    line: 'serve work --vpcd-listen 35963',
    state: 'reader',
    typed: 'serve work --vpcd-listen {free}',
    until: 'not in a reader',
  },
  {
    line: 'signin ADDRESS --method challenge',
    state: 'account',
    typed: 'signin alice@lab.example --method challenge --pin-file {pin}',
    until: 'Signed in',
  },
  {
    line: 'signin ADDRESS --service URL',
    state: 'service',
    typed: 'signin alice@lab.example --service {service} --ca-file {serviceCaFile} --pin-file {pin}',
    until: 'Signed in',
  },
  {
    line: 'signin maria@lab.example --service https://service.example --background',
    state: 'service',
    typed: 'signin alice@lab.example --service {service} --ca-file {serviceCaFile} --background --pin-file {pin}',
  },
  { line: 'signout', state: 'signedIn' },
  { line: 'signout X', state: 'signedIn', typed: 'signout alice@lab.example' },
]

/** Documents whose commands run as they stand, one after the other: the test that runs each. */
export const PAGES_THAT_RUN: Readonly<Record<string, string>> = {
  'docs/ci.md': 'test/testing/recipes.test.ts',
  'docs/first-certificate.md': 'test/strangers/first-certificate.test.ts',
  'docs/first-sign-in.md': 'test/strangers/first-sign-in.test.ts',
  'docs/recipes/README.md': 'test/strangers/support/recipes.ts',
  'docs/recipes/jwt.md': 'test/strangers/recipes-tokens.test.ts',
  'docs/recipes/certificate.md': 'test/strangers/recipes-documents.test.ts',
  'docs/recipes/cms.md': 'test/strangers/recipes-documents.test.ts',
  'docs/recipes/pdf.md': 'test/strangers/recipes-documents.test.ts',
  'docs/recipes/decrypt.md': 'test/strangers/recipes-documents.test.ts',
  'docs/recipes/xml.md': 'test/strangers/recipes-documents.test.ts',
  'docs/recipes/oidc.md': 'test/strangers/recipes-tokens.test.ts',
}
