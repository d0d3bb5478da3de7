// The texts about signing in. Each command says what it does, and what it does not do.

export const SIGN_IN_OPTIONS = {
  service: 'where to sign in, such as https://service.example.com; remembered from then on',
  signInSlot: 'slot of the certificate (default: the one whose certificate is for the address)',
  method:
    'sign in with the certificate in TLS, or with a signed challenge (default: certificate, or what is remembered)',
  serviceCaFile: 'certificates (PEM) to check the service with; remembered from then on',
  background: 'stay signed in when this window is closed, until tessera signout',
  waitForCard: 'wait for the card to be inserted',
} as const

export const SIGN_IN_COMMANDS = {
  signin: 'sign in to a service with a certificate on a card, until stopped (PIN file: PIN)',
  signout: 'sign out; the account stays remembered',
  accounts: 'list the remembered accounts, and who is signed in',
  forget: 'sign out, and delete everything that this machine remembers of an account',
} as const

const told = (yes: boolean) =>
  yes ? '' : ' The service could not be told, and may consider the session open until it expires.'

export const SIGN_IN = {
  waiting: (why: string) => `${why} Waiting for it (Ctrl-C to give up).`,
  foreground: (user: string, address: string, service: string, until: string) =>
    `Signed in to ${service} as ${user} (${address}) until ${until}. Ctrl-C or closing this window signs out; the account stays remembered.`,
  background: (user: string, address: string, service: string, until: string, pid: number) =>
    `Signed in to ${service} as ${user} (${address}) until ${until}, in the background (process ${pid}). Closing this window does not sign out. To sign out: tessera signout ${address}.`,
  socket: (path: string) =>
    `Your programs reach the service through this socket: curl --unix-socket '${path.replaceAll("'", "'\\''")}' http://service/`,
  ended: {
    'signed-out': (address: string, yes: boolean) =>
      `${address} was signed out, and the card was locked.${told(yes)} The account stays remembered; to delete it: tessera forget ${address}.`,
    'card-removed': (address: string, yes: boolean) =>
      `The card was removed, so ${address} was signed out.${told(yes)} Insert the card and sign in again.`,
    expired: (address: string) => `The session of ${address} has expired. Sign in again.`,
    service: (address: string) => `The service has signed ${address} out. Sign in again.`,
  },
  reasons: {
    'signed-out': 'signed out',
    'card-removed': 'card removed',
    expired: 'expired',
    service: 'signed out by the service',
  },
  severalSignedIn: (addresses: readonly string[]) =>
    `More than one account is signed in. Choose one: ${addresses.join(', ')}.`,
  nobodySignedIn: 'Nobody is signed in.',
  noAccounts: "No account is remembered. Sign in: 'tessera signin ADDRESS --service URL'.",
  columns: ['ADDRESS', 'STATE', 'SERVICE', 'METHOD', 'CARD', 'SLOT', 'LAST SIGN-IN'],
  signedIn: (since: string, pid: number, background: boolean) =>
    `signed in since ${since} (process ${pid}${background ? ', in the background' : ''})`,
  notSignedIn: 'not signed in',
  endedAt: (reason: string, at: string) => `${reason} ${at}`,
  unreadable: 'unreadable',
  forget: (address: string) =>
    `Everything that this machine remembers of ${address} would be deleted, and you would be signed out. The card and its certificate stay.`,
  forgotten: (address: string, signedOut: boolean) =>
    `${signedOut ? `${address} was signed out, and everything` : 'Everything'} that this machine remembered of ${address} was deleted. The card and its certificate are as they were.`,
} as const
