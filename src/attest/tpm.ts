// Evidence about a key of a TPM card: the key, its PIN rule, and how sure it is that a TPM speaks.
import { type Both, type Chained, follow, readBoth, type Trust } from './chain.ts'
import type { Evidence } from './evidence.ts'
import { TPM_MAKER_INTERMEDIATES } from './makers/tpm.ts'
import { pinRule } from './pin-rule.ts'
import { demand } from './refusal.ts'
import { attestationKey } from './statements.ts'
import {
  endorsementKeyName,
  endorsementKeysIn,
  readAkCertificate,
  readEkCertificate,
  type TpmNames,
} from './tpm-certificates.ts'
import { proveKey } from './tpm-key.ts'
import type { AttestedPin, Gap, Proof, Tier, Verdict } from './verdict.ts'

/** Octets: a shorter nonce can be guessed or occurs twice. */
const SHORTEST_NONCE = 8

export type Found = Pick<Verdict, 'key' | 'device' | 'pin' | 'proofs' | 'notProved'>

/** @throws Refused; TpmError ERR_TPM_ANSWER for malformed structures */
export function verifyTpm(evidence: Evidence, trust: Trust, nonce: Uint8Array | undefined): Found {
  demand(nonce !== undefined && nonce.length >= SHORTEST_NONCE, 'nonce-missing')
  const ak = attestationKey(evidence.ak.public)
  const key = proveKey(evidence.key, ak, nonce)
  const pin = pinRule(evidence, key, ak, nonce)
  const { tier, names, proofs, gaps } = speaker(evidence, ak, trust)
  return {
    key: { publicKey: key.publicKey, algorithm: key.algorithm, slot: evidence.slot },
    device: { kind: 'tpm', tier, ...names, serial: undefined },
    pin,
    proofs: [{ claim: 'key-made-in-tpm', by: 'tpm' }, { claim: 'fresh', by: 'tpm' }, ...pinProofs(pin), ...proofs],
    notProved: [...pinGaps(pin), ...gaps],
  }
}

const PIN_CLAIMS = { never: 'no-pin', once: 'pin-for-a-while', always: 'pin-for-each-use' } as const

function pinProofs(pin: AttestedPin | undefined): Proof[] {
  if (pin === undefined || pin.policy === 'other') return []
  const by = 'tpm'
  return [
    { claim: PIN_CLAIMS[pin.policy], by },
    ...(pin.limit === undefined ? [] : [{ claim: 'pin-limit', by } as const]),
    ...(pin.burned === 'proved' ? [{ claim: 'counter-burned', by } as const] : []),
  ]
}

function pinGaps(pin: AttestedPin | undefined): Gap[] {
  if (pin === undefined) return ['pin']
  if (pin.policy === 'never') return []
  const burned: Readonly<Record<string, Gap>> = {
    claimed: 'counter-burned',
    'until-reset': 'counter-burned-until-reset',
  }
  const gap = burned[pin.burned ?? '']
  return [
    ...(pin.limit === undefined ? (['pin-limit'] as const) : []),
    ...(gap === undefined ? [] : [gap]),
    'approvals',
  ]
}

interface Speaker {
  readonly tier: Tier
  readonly names: TpmNames | Record<keyof TpmNames, undefined>
  readonly proofs: readonly Proof[]
  readonly gaps: readonly Gap[]
}

const NAMELESS = { manufacturer: undefined, model: undefined, version: undefined }
const revocation = (...chains: readonly Chained[]): Gap[] =>
  chains.every(({ revocationKnown }) => revocationKnown) ? [] : ['revocation']

/** Who vouches for the attestation key. */
function speaker(evidence: Evidence, ak: Parameters<typeof readAkCertificate>[1], trust: Trust): Speaker {
  const [certificate, ...between] = evidence.ak.certificates.map(readBoth)
  if (certificate === undefined)
    return { tier: 'self', names: NAMELESS, proofs: [], gaps: ['genuine-tpm', 'which-tpm', 'tpm-by-maker'] }
  const names = readAkCertificate(certificate, ak)
  const chain = follow(certificate, between, trust)
  const certified: Proof = { claim: 'attestation-key-certified', by: 'ca', name: chain.root }
  const eks = endorsementKeysIn(certificate)
  if (eks.length === 0)
    return { tier: 'local', names, proofs: [certified], gaps: ['which-tpm', 'tpm-by-maker', ...revocation(chain)] }
  const activated: Proof = { claim: 'attestation-key-in-named-tpm', by: 'ca', name: chain.root }
  const ek = endorsementKey(evidence, eks)
  if (ek === undefined) {
    const gaps: Gap[] = ['tpm-by-maker', ...revocation(chain)]
    return { tier: 'activated', names, proofs: [certified, activated], gaps }
  }
  const [own, ...above] = ek
  const made = readEkCertificate(own)
  demand(made.manufacturer === names.manufacturer && made.model === names.model, 'ek-mismatch')
  const maker = follow(own, [...above, ...TPM_MAKER_INTERMEDIATES.map(readBoth)], trust)
  const byMaker: Proof = { claim: 'tpm-by-maker', by: 'ca', name: maker.root }
  return { tier: 'maker', names, proofs: [certified, activated, byMaker], gaps: revocation(chain, maker) }
}

/** The certificate of an endorsement key that the attestation key's certificate names, and its chain. */
function endorsementKey({ ek }: Evidence, names: readonly string[]): [Both, ...Both[]] | undefined {
  for (const { certificates } of ek) {
    const [own, ...above] = certificates.map(readBoth)
    if (own !== undefined && names.includes(endorsementKeyName(own.parts.spki))) return [own, ...above]
  }
  return undefined
}
