// Attestations in the form of Yubico's cards: a certificate for the key, issued by the attestation key of the card (F9), whose
// own certificate the maker issued. "PIV attestation", developers.yubico.com.
import { hex } from '../bytes.ts'
import { DER } from '../iso7816/der.ts'
import { ifWellFormed, unwrap } from '../iso7816/tlv.ts'
import { ATTESTED } from '../piv/yubico.ts'
import { readPem } from '../x509/pem.ts'
import { type Both, follow, isIssuedBy, readBoth, type Trust } from './chain.ts'
import { YUBICO_INTERMEDIATES } from './makers/yubico.ts'
import { demand, Refused } from './refusal.ts'
import type { Found } from './tpm.ts'
import type { AttestedPin, Claim, Gap } from './verdict.ts'

const MOST = 10
const PIN_POLICIES: ReadonlyMap<number, AttestedPin['policy']> = new Map([
  [1, 'never'],
  [2, 'once'],
  [3, 'always'],
])
const CLAIMS: Readonly<Record<AttestedPin['policy'], Claim | undefined>> = {
  never: 'no-pin',
  once: 'pin-for-a-while',
  always: 'pin-for-each-use',
  // With a fingerprint in place of the PIN.
  other: undefined,
}

const valueIn = ({ parts }: Both, id: string): Uint8Array | undefined =>
  parts.extensions.find((extension) => extension.id === id)?.value

/** Raw octets; some programs wrap them in an OCTET STRING. */
const raw = (value: Uint8Array, length: number): Uint8Array =>
  value.length === length + 2 && value[0] === DER.octetString ? value.subarray(2) : value

/** The certificates of a PEM text: the attestation of the key, that of slot F9, and others. @throws Refused */
export function verifyYubico(text: string, trust: Trust): Found {
  const blocks = [...readPem(Buffer.from(text))]
  demand(blocks.length <= MOST, 'too-large')
  const all = blocks.filter(({ label }) => label === 'CERTIFICATE').map(({ der }) => readBoth(der ?? new Uint8Array(0)))
  const attestation = all.find((one) => valueIn(one, ATTESTED.policies) !== undefined && !one.x509.ca)
  if (attestation === undefined) throw new Refused('not-attestation')
  const others = all.filter((one) => one !== attestation)
  const issuer = others.find((one) => isIssuedBy(attestation, one))
  demand(issuer !== undefined, 'wrong-issuer', attestation.subject)
  const chain = follow(attestation, [...others, ...YUBICO_INTERMEDIATES.map(readBoth)], trust)
  // Above the certificate of F9: whoever trusts that one itself knows nothing of a maker.
  const byMaker = chain.length > 1
  return {
    ...describe(attestation),
    ...proofs(attestation, chain, byMaker),
  }
}

function describe(attestation: Both): Pick<Found, 'key' | 'device' | 'pin'> {
  const { x509, parts, subject } = attestation
  const key = x509.publicKey
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384' }
  const named = namedCurve === undefined ? key.asymmetricKeyType : (curves[namedCurve] ?? namedCurve)
  const algorithm = modulusLength === undefined ? (named ?? '') : `RSA-${modulusLength}`
  const firmware = raw(valueIn(attestation, ATTESTED.firmware) ?? new Uint8Array(0), 3)
  const serial = valueIn(attestation, ATTESTED.serial)
  const number = serial && ifWellFormed(() => BigInt(`0x0${hex(unwrap(serial, DER.integer))}`).toString())
  return {
    key: {
      publicKey: parts.spki,
      algorithm,
      slot: / ([0-9a-f]{2})$/.exec(subject)?.[1],
    },
    device: {
      ...({ kind: 'card', tier: undefined, manufacturer: undefined, model: undefined, serial: number } as const),
      version: firmware.length === 3 ? firmware.join('.') : undefined,
    },
    pin: {
      policy: policyOf(attestation),
      ...{ limit: undefined, wrong: undefined, burned: undefined, resets: undefined },
    },
  }
}

function policyOf(attestation: Both): AttestedPin['policy'] {
  const [pin] = raw(valueIn(attestation, ATTESTED.policies) ?? new Uint8Array(0), 2)
  return PIN_POLICIES.get(pin ?? 0) ?? 'other'
}

function proofs(
  attestation: Both,
  chain: { readonly root: string; readonly revocationKnown: boolean },
  byMaker: boolean,
): Pick<Found, 'proofs' | 'notProved'> {
  const claim = CLAIMS[policyOf(attestation)]
  const gaps: Gap[] = [
    'fresh',
    ...(claim === undefined ? (['pin'] as const) : []),
    'pin-limit',
    ...(byMaker ? [] : (['card-by-maker'] as const)),
    ...(chain.revocationKnown ? [] : (['revocation'] as const)),
  ]
  return {
    proofs: [
      { claim: 'key-made-on-card', by: 'card' },
      ...(claim === undefined ? [] : [{ claim, by: 'card' } as const]),
      ...(byMaker ? [{ claim: 'card-by-maker', by: 'ca', name: chain.root } as const] : []),
    ],
    notProved: gaps,
  }
}
