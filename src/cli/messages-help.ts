// The texts of --help and of the man page about the program as a whole.

export const PROGRAM = 'A PIV smart card whose keys and PIN live in the TPM.'

/** Meaning of each exit code. docs/cli.md says more. */
export const EXIT_CODES: ReadonlyArray<readonly [code: number, meaning: string]> = [
  [0, 'done'],
  [1, 'input or output failed, or an internal error; verify: the signature is wrong; needs-renewal: not due'],
  [2, 'wrong usage'],
  [3, 'no card'],
  [4, 'PIN wrong or needed'],
  [5, 'PIN blocked'],
  [6, 'PUK wrong or blocked, or help-desk response refused'],
  [7, 'refused by policy'],
  [8, 'not supported by this card'],
  [9, 'TPM unavailable or locked'],
  [10, 'CA or service refused'],
  [11, 'the CA has not decided yet'],
  [12, 'needs-renewal failed where other commands end with 1'],
  [130, 'interrupted (Ctrl-C)'],
  [143, 'terminated (SIGTERM)'],
]

export const SECRETS =
  'Secrets are never given on the command line: they are asked for on the terminal, or read from a file (--pin-file) with one secret on each line.'

export const FILES = 'Files are arguments; - means standard input or output.'

export const ENVIRONMENT: ReadonlyArray<readonly [variable: string, meaning: string]> = [
  ['TESSERA_HOME', 'the folder of the cards (default: $XDG_DATA_HOME/tessera, or ~/.local/share/tessera)'],
  ['TESSERA_TRACE', 'a file for a trace, as --trace'],
  ['TESSERA_TCTI', 'which TPM to use, as --tcti: for new cards, and instead of the one that a card remembers'],
]

export const HELP_FOOTER = `
${FILES}
${SECRETS}
Environment: TESSERA_HOME (the folder of the cards), TESSERA_TCTI (which TPM), TESSERA_TRACE (a file for a trace).
Exit codes:
${EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(4)} ${meaning}`).join('\n')}`

export const MAN_PAGE = {
  name: 'PIV smart cards in the TPM and in readers',
  about:
    'Tessera makes PIV smart cards (SP 800-73) whose keys and PIN counters live in the TPM of this machine, and uses them and cards in readers in the same way.',
  sections: {
    name: 'NAME',
    synopsis: 'SYNOPSIS',
    description: 'DESCRIPTION',
    everyCommand: 'GLOBAL OPTIONS',
    commands: 'COMMANDS',
    environment: 'ENVIRONMENT',
    exitStatus: 'EXIT STATUS',
    seeAlso: 'SEE ALSO',
  },
  command: 'command',
  /** Of the package, beside this page. */
  documents: 'docs/cli.md in the package has every command with examples and its JSON output.',
} as const
