// Every command line that a message prints: the state in which it is printed, and the line as somebody then types it.
// test/house/printed.test.ts fails where a source prints one that is not here.

export type State = 'none' | 'fresh' | 'ready' | 'blocked' | 'helpDesk' | 'nobody'

export interface Advice {
  /** As printed; X is what the source puts in. */
  readonly line: string
  readonly state: State
  readonly typed: string
  /** Not 0 where what lies outside of the product is missing here: a CA that listens, a response of a help desk. */
  readonly code?: number
}

export const ADVICE: readonly Advice[] = [
  { line: '--card X pin change', state: 'fresh', typed: '--card work pin change --pin-file change' },
  { line: 'accounts', state: 'ready', typed: 'accounts' },
  { line: 'admin-key change', state: 'ready', typed: 'admin-key change --pin-file admin' },
  { line: 'cert delete X', state: 'ready', typed: 'cert delete 9a --yes --pin-file pin' },
  { line: 'cert import X FILE', state: 'ready', typed: 'cert import 9a 9a.pem --yes --pin-file pin' },
  { line: 'cert list', state: 'ready', typed: 'cert list' },
  { line: 'cert request 9a', state: 'ready', typed: 'cert request 9a --pin-file pin' },
  { line: 'create NAME', state: 'none', typed: 'create work' },
  { line: 'create X', state: 'none', typed: 'create work' },
  { line: 'create work', state: 'none', typed: 'create work' },
  { line: 'destroy NAME', state: 'ready', typed: 'destroy work --yes' },
  { line: 'destroy X --yes', state: 'ready', typed: 'destroy work --yes' },
  { line: 'doctor', state: 'ready', typed: 'doctor' },
  { line: 'enroll SLOT --abandon', state: 'ready', typed: 'enroll 9c --abandon --yes --pin-file pin' },
  { line: 'enroll X --abandon', state: 'ready', typed: 'enroll 9c --abandon --yes --pin-file pin' },
  {
    line: 'enroll SLOT --est URL',
    state: 'ready',
    typed: 'enroll 9c --est https://127.0.0.1:1 --pin-file pin',
    code: 1,
  },
  { line: 'enroll X --est URL', state: 'ready', typed: 'enroll 9c --est https://127.0.0.1:1 --pin-file pin', code: 1 },
  {
    line: 'enroll SLOT --renew --est URL',
    state: 'ready',
    typed: 'enroll 9a --renew --est https://127.0.0.1:1 --pin-file pin',
    code: 1,
  },
  { line: 'info X', state: 'ready', typed: 'info work' },
  { line: 'key generate 9a', state: 'ready', typed: 'key generate 9c --pin-file pin' },
  { line: 'key generate SLOT', state: 'ready', typed: 'key generate 9c --pin-file pin' },
  { line: 'key generate X', state: 'ready', typed: 'key generate 9c --pin-file pin' },
  { line: 'key list', state: 'ready', typed: 'key list' },
  { line: 'list', state: 'none', typed: 'list' },
  { line: 'object delete TAG', state: 'ready', typed: 'object delete chuid --yes --pin-file pin' },
  { line: 'object list', state: 'ready', typed: 'object list' },
  { line: 'pin change', state: 'fresh', typed: 'pin change --pin-file change' },
  { line: 'pin change-puk', state: 'fresh', typed: 'pin change-puk --pin-file change-puk' },
  { line: 'pin status', state: 'blocked', typed: 'pin status' },
  { line: 'pin unblock', state: 'blocked', typed: 'pin unblock --pin-file unblock' },
  // Nobody answers the challenge here: the response is an empty line.
  { line: 'pin unblock --help-desk', state: 'helpDesk', typed: 'pin unblock --help-desk --pin-file pin', code: 4 },
  { line: 'rename X X', state: 'ready', typed: 'rename work office' },
  { line: 'reset X', state: 'nobody', typed: 'reset work --yes' },
  { line: 'reset X --yes', state: 'ready', typed: 'reset work --yes' },
]

/** What needs a CA, a service or a reader to be run: where that is done. */
export const ADVICE_ELSEWHERE: Readonly<Record<string, string>> = {
  'enroll X --renew': 'test/enroll/enroll.test.ts',
  'forget X': 'test/signin/cli.test.ts',
  'forget ADDRESS': 'test/signin/cli.test.ts',
  'lab-ca approve X': 'test/cli/lab-ca.test.ts',
  'lab-ca approve --all': 'test/cli/lab-ca.test.ts',
  'lab-ca list': 'test/cli/lab-ca.test.ts',
  'lab-ca revoke X': 'test/cli/lab-ca.test.ts',
  'lab-ca user add NAME': 'test/cli/lab-ca.test.ts',
  'serve NAME': 'test/serve/cli.test.ts',
  'serve NAME --vpcd-listen PORT': 'test/serve/cli.test.ts',
  'signin ADDRESS --method challenge': 'test/signin/cli.test.ts',
  'signin ADDRESS --service URL': 'test/signin/cli.test.ts',
  signout: 'test/signin/cli.test.ts',
  'signout X': 'test/signin/cli.test.ts',
}

/** Command lines of other programs, likewise. `script`: what a shell is given, in a folder with the files of the test. */
export const OTHER_PROGRAMS: ReadonlyArray<{ readonly line: string; readonly script: string }> = [
  {
    line: 'openssl pkcs12 -legacy -in OLD -out KEY.pem; openssl pkcs12 -export -in KEY.pem -out NEW',
    script:
      'openssl pkcs12 -legacy -in old.p12 -out key.pem -passin pass:geheim -passout pass:key; openssl pkcs12 -export -in key.pem -out new.p12 -passin pass:key -passout pass:geheim',
  },
  { line: 'openssl pkey -in PRIVATE.pem -pubout', script: 'openssl pkey -in traditional.pem -pubout' },
]
