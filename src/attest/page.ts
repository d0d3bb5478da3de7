// A verdict as a page for people.
import { hex, sha256 } from '../bytes.ts'
import type { AttestedPin, Claim, Gap, Proof, Tier, Verdict } from './verdict.ts'

const CLAIM_TEXTS: Readonly<Record<Claim, string>> = {
  'key-made-in-tpm': 'the key was made in the TPM and never leaves it',
  'key-made-on-card': 'the key was made on the card',
  fresh: 'the evidence was made for this nonce',
  'no-pin': 'the key needs no PIN',
  'pin-for-each-use': 'the key needs a PIN that the TPM or the card counts, for each use',
  'pin-for-a-while': 'the key needs a PIN that the TPM or the card counts; a right PIN serves for a while',
  'pin-limit': 'how many wrong PINs there may be, and how many there were',
  'counter-burned': 'the key that could write the PIN counter is dead: it gives no new permission to anybody',
  'attestation-key-certified': 'the attestation key belongs to a TPM',
  'attestation-key-in-named-tpm': 'the attestation key is in the TPM with the named endorsement key',
  'tpm-by-maker': 'that endorsement key is in a TPM of its maker',
  'card-by-maker': 'the card is one of its maker',
}

const GAP_TEXTS: Readonly<Record<Gap, string>> = {
  'genuine-tpm': 'that a TPM speaks at all: nobody certified the attestation key, and any program can make one',
  'which-tpm': 'in which TPM the attestation key is: its certificate names no endorsement key',
  'tpm-by-maker': 'that a maker made that TPM: there is no certificate of the named endorsement key',
  'card-by-maker': 'that a maker made the card: its attestation certificate itself is what is trusted here',
  fresh: 'when it was made: attestations of this form contain no nonce',
  pin: 'whether the key needs a PIN',
  'pin-limit': 'how many wrong PINs there may be: the owner of the TPM or the card does not say',
  'counter-burned': 'that the key which wrote the PIN counter is dead: the program that made the card says so',
  'counter-burned-until-reset':
    'that the key which wrote the PIN counter is dead: it dies with the next restart of the machine',
  approvals:
    'what that key had permitted before: the program that made the card says that it was only what docs/lock.md has',
  revocation: 'that no certificate was revoked: not every CA has a list among those given',
}

export const TIER_TEXTS: Readonly<Record<Tier, string>> = {
  self: 'nobody certified the attestation key',
  local: 'a CA certified the attestation key, and does not say in which TPM it is',
  activated: 'a CA found the attestation key in the TPM with a certain endorsement key',
  maker: 'the same, and the maker of the TPM certified that endorsement key',
}

const SPEAKERS: Readonly<Record<Proof['by'], string>> = { tpm: 'the TPM', card: 'the card', ca: 'the CA' }

const POLICIES: Readonly<Record<AttestedPin['policy'], string>> = {
  never: 'none',
  once: 'once: a right PIN serves for a while',
  always: 'always: the PIN for each use',
  other: 'another one, such as a fingerprint',
}

const tries = ({ limit, wrong }: AttestedPin): string =>
  limit === undefined ? '' : `; blocked after ${limit} wrong PINs, of which there were ${wrong}`

const list = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  - ${line}`)]

const said = ({ claim, by, name }: Proof): string =>
  `${CLAIM_TEXTS[claim]} (${SPEAKERS[by]}${name === undefined ? '' : ` ${name}`})`

/**
 * The verdict as text for people, several lines.
 * @example console.log(verdictPage(verifyAttestation(evidence, { roots: YUBICO_ROOTS })))
 */
export function verdictPage(verdict: Verdict): string {
  const { refusal, key, device, pin, proofs, notProved } = verdict
  if (refusal !== undefined) {
    const about = refusal.about === undefined ? '' : ` (${refusal.about})`
    return [`Refused: ${refusal.code}`, `${refusal.message}${about}`].join('\n')
  }
  const named = [device?.manufacturer, device?.model, device?.version].filter((part) => part !== undefined)
  const serial = device?.serial === undefined ? '' : `, serial number ${device.serial}`
  const owner = device?.kind === 'tpm' ? ' (as its owner says)' : ''
  const slot = key?.slot === undefined ? '' : `, slot ${key.slot}${owner}`
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Key', key && `${key.algorithm}${slot}`],
    ['SHA-256', key && hex(sha256(key.publicKey))],
    [device?.kind === 'card' ? 'Card' : 'TPM', `${named.join(', ') || 'not named'}${serial}`],
    ['Tier', device?.tier && `${device.tier}: ${TIER_TEXTS[device.tier]}`],
    ['PIN', pin === undefined ? 'not proved' : `${POLICIES[pin.policy]}${tries(pin)}`],
  ]
  return [
    'Accepted.',
    ...rows.flatMap(([name, text]) => (text === undefined ? [] : [`${`${name}:`.padEnd(10)}${text}`])),
    ...list('Proved, and by whom:', proofs.map(said)),
    ...list(
      'Not proved:',
      notProved.map((gap) => GAP_TEXTS[gap]),
    ),
  ].join('\n')
}
