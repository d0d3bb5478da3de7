// policyDigest of a policy, and cpHash of the one command that a policy pins. TPM 2.0 Library, Part 3, section 23.
import { concat, sha256, utf8 } from '../../bytes.ts'
import { sized, u8, u16, u32 } from '../codec/wire.ts'
import { CC } from '../constants.ts'
import type { Policy, PolicyFacts, Term } from './terms.ts'

const ZEROS = new Uint8Array(32)

/** policyRef of a signed term: bound to one card where an outside party signs, or one response would be valid for every card. */
export function signedRef(term: Extract<Term, { term: 'signed' }>, facts: PolicyFacts): Uint8Array {
  return term.by === 'helpDesk' ? concat(utf8(term.ref), facts.cardId) : utf8(term.ref)
}

export function signerName(term: Extract<Term, { term: 'signed' }>, facts: PolicyFacts): Uint8Array {
  const name = term.by === 'helpDesk' ? facts.helpDeskName : facts.burnName
  if (name === undefined) throw new TypeError('This card has no help-desk key.')
  return name
}

/** Contents of a PIN index: TPMS_NV_PIN_COUNTER_PARAMETERS, Part 2, 13.3. */
export function pinCounter(count: number, limit: number): Uint8Array {
  return concat(u32(count), u32(limit))
}

/** The parameters of the NV_Write that restores all tries of a PIN. */
export function counterResetParams(facts: PolicyFacts): Uint8Array {
  return concat(sized(pinCounter(0, facts.pin.tries)), u16(0))
}

/** cpHash of that NV_Write: authorised by the index itself, sent in clear. Part 1, 16.7. */
export function counterResetCpHash(facts: PolicyFacts): Uint8Array {
  return sha256(u32(CC.NV_Write), facts.pin.name, facts.pin.name, counterResetParams(facts))
}

function extend(digest: Uint8Array, term: Term, facts: PolicyFacts): Uint8Array {
  // PolicyUpdate, Part 3, 23.2.3: the entity first, then its policyRef in a hash of its own.
  const update = (from: Uint8Array, code: number, name: Uint8Array, ref: Uint8Array) =>
    sha256(sha256(from, u32(code), name), ref)
  switch (term.term) {
    case 'secret':
      return update(digest, CC.PolicySecret, facts[term.of].name, utf8(term.ref))
    case 'signed':
      return update(digest, CC.PolicySigned, signerName(term, facts), signedRef(term, facts))
    case 'authorize':
      return update(ZEROS, CC.PolicyAuthorize, facts.burnName, utf8(term.ref))
    case 'command':
      return sha256(digest, u32(CC.PolicyCommandCode), u32(CC[term.code]))
    case 'written':
      return sha256(digest, u32(CC.PolicyNvWritten), u8(1))
    case 'counterReset':
      return sha256(digest, u32(CC.PolicyCpHash), counterResetCpHash(facts))
  }
}

/** policyDigest of a session in which all terms were fulfilled, in this order. */
export function policyDigest(policy: Policy, facts: PolicyFacts): Uint8Array {
  return policy.reduce<Uint8Array>((digest, term) => extend(digest, term, facts), ZEROS)
}

/** What K signs to approve a policy: aHash of TPM2_PolicyAuthorize, Part 3, 23.16. */
export function approvalDigest(policy: Uint8Array, ref: string): Uint8Array {
  return sha256(policy, utf8(ref))
}

/** What a signer signs for TPM2_PolicySigned: aHash, Part 3, 23.3. `expiration` in seconds, negative for a ticket. */
export function signedDigest(nonceTpm: Uint8Array, expiration: number, ref: Uint8Array): Uint8Array {
  return sha256(nonceTpm, u32(expiration), ref)
}
